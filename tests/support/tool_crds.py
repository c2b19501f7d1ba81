"""The CustomResourceDefinitions of GitOps tools, out of their own Go modules."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster import go_compiler
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.places import cache

DOWNLOAD_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Published:
    """A file of a published module. digest: of the module, as go.sum has it."""

    module: str
    version: str
    digest: str
    file: str

    def path(self) -> Path:
        """Where it is; fetched now if it is not in Go's module cache."""
        argv = (
            "env",
            "GOWORK=off",
            go_compiler.find(print),
            "mod",
            "download",
            "-json",
            f"{self.module}@{self.version}",
        )
        found = json.loads(run(*argv, cwd=cache(), limit=DOWNLOAD_SECONDS))
        if found["Sum"] != self.digest:
            raise ClusterError(f"{self.module} {self.version} is {found['Sum']} and should be {self.digest}.")
        return Path(found["Dir"]) / self.file


CRDS: Final = (
    Published(
        "github.com/fluxcd/source-controller",
        "v1.9.0",
        "h1:5msg2yyjVYDULZos+2ve8MZzcSqTpusiXmrOeBhc9yY=",
        "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",
    ),
    Published(
        "github.com/fluxcd/kustomize-controller",
        "v1.9.6",
        "h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE=",
        "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    ),
    Published(
        "github.com/argoproj/argo-cd/v3",
        "v3.5.7",
        "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0=",
        "manifests/crds/application-crd.yaml",
    ),
)
