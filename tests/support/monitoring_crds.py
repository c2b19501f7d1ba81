"""The CustomResourceDefinitions of the Prometheus operator, out of its own Go module."""

import json
from pathlib import Path
from typing import Final

from cluster import go_compiler
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.places import cache

MODULE: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
SUM: Final = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
"""Of the module, as go.sum has it."""
FILES: Final = ("monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml")
DOWNLOAD_SECONDS: Final = 300.0


def paths() -> tuple[Path, ...]:
    """Where they are; fetched now (4 MB) if the module is not in Go's cache."""
    argv = ("env", "GOWORK=off", go_compiler.find(print), "mod", "download", "-json", MODULE)
    found = json.loads(run(*argv, cwd=cache(), limit=DOWNLOAD_SECONDS))
    if found["Sum"] != SUM:
        raise ClusterError(f"{MODULE} is {found['Sum']} and should be {SUM}.")
    return tuple(Path(found["Dir"]) / "example" / "prometheus-operator-crd" / name for name in FILES)
