"""The audit log of the API server: who of the service accounts asked for what, and which role allowed it.

Only names: no bodies. Everybody else is left out, so that it costs next to nothing.
"""

import json
from pathlib import Path
from typing import Any

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "None", "nonResourceURLs": ["*"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
    ],
}
NEVER_ROTATED = "100000"
"""Megabytes."""


def log(run_directory: Path) -> Path:
    """Where the log is: one JSON object a line."""
    return run_directory / "logs" / "audit.log"


def write_policy(run_directory: Path) -> None:
    """Write what `options` names."""
    _policy(run_directory).write_text(json.dumps(POLICY, indent=2) + "\n")


def options(run_directory: Path) -> tuple[str, ...]:
    """What kube-apiserver is told."""
    return (
        f"--audit-policy-file={_policy(run_directory)}",
        f"--audit-log-path={log(run_directory)}",
        f"--audit-log-maxsize={NEVER_ROTATED}",
    )


def _policy(run_directory: Path) -> Path:
    return run_directory / "configuration" / "audit-policy.json"
