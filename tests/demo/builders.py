"""Who builds the images of the demo: BuildKit in the cluster, or CodeBuild in an AWS on this machine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.clusters import Cluster
from demo import brand
from support import images
from support.codebuild import CodeBuildServer, ecr_host

REGION = "us-east-2"


@dataclass(frozen=True)
class Builder:
    """What the Brand says of it, where images go, and what the operator's process is told."""

    build: dict[str, Any]
    repository: str
    settings: dict[str, str]
    aws: CodeBuildServer | None = None

    @property
    def started(self) -> list[str] | None:
        """The commits for which StartBuild was called; None where it is not CodeBuild that builds."""
        if self.aws is None:
            return None
        return [call.parameters["sourceVersion"] for call in self.aws.journal.calls("StartBuild")]


@contextmanager
def build_kit(cluster: Cluster, source: str, directory: Path) -> Iterator[Builder]:
    """Jobs in the cluster."""
    settings = {"BRANDRELEASE_BUILD_IMAGE": images.push(images.BUILDER, cluster)}
    yield Builder({"buildKit": {}}, f"{cluster.registry}/sites/{brand.BRAND}", settings)


@contextmanager
def code_build(cluster: Cluster, source: str, directory: Path) -> Iterator[Builder]:
    """An AWS that runs while the block runs. What is in its ECR is in the cluster's registry, and the node knows that."""
    host = ecr_host(REGION)
    repository = f"{host}/sites/{brand.BRAND}"
    cluster.mirror(host)
    with CodeBuildServer(directory / "aws", registry=cluster.registry) as aws:
        aws.create_project(brand.BRAND, source, repository)
        build = {"codeBuild": {"project": brand.BRAND, "region": REGION}}
        yield Builder(build, repository, aws.environment(REGION), aws)


BUILDERS: dict[str, Callable[[Cluster, str, Path], AbstractContextManager[Builder]]] = {
    "buildkit": build_kit,
    "codebuild": code_build,
}
