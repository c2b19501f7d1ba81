"""Kubeconfig files with everything in them, so that one can be copied away."""

import base64
import json
from pathlib import Path
from typing import Any

from cluster.certificates import KeyPair


def write(path: Path, server: str, authority: Path, user: KeyPair) -> Path:
    """Write a kubeconfig for ``user`` at ``server`` (a URL). It is JSON, which is YAML too."""
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "cluster", "cluster": {"server": server, "certificate-authority-data": _encoded(authority)}},
        ],
        "users": [
            {
                "name": "user",
                "user": {"client-certificate-data": _encoded(user.certificate), "client-key-data": _encoded(user.key)},
            },
        ],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    path.chmod(0o600)
    return path


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
