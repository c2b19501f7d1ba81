"""Real builds: git fetches the commit, BuildKit builds its Dockerfile and pushes the image."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.commands import run
from support.codebuild.buildkit import PATH, BuildKit
from support.codebuild.builds import Build, Ended
from support.codebuild.ecr import Ecr
from support.codebuild.progress import Progress, failed_command

GIT = {
    "PATH": PATH,
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class RealBuilds:
    """The machines for real builds: a directory each, one BuildKit for all."""

    def __init__(self, directory: Path, ecr: Ecr) -> None:
        self._directory, self._ecr = directory, ecr
        self.buildkit = BuildKit(directory / "buildkit", ecr.host, ecr.user)

    @contextmanager
    def steps(self, build: Build) -> Iterator["RealSteps"]:
        """The steps of one build; its directory is gone afterwards."""
        directory = self._directory / build.uuid
        directory.mkdir()
        try:
            yield RealSteps(directory, self._ecr, self.buildkit)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def close(self) -> None:
        self.buildkit.close()


class RealSteps:
    def __init__(self, directory: Path, ecr: Ecr, buildkit: BuildKit) -> None:
        self._directory, self._ecr, self._buildkit = directory, ecr, buildkit
        self._source = directory / "source"

    def fetch(self, progress: Progress) -> str:
        """Fetch the one commit into a fresh directory."""
        url, version = progress.build.project.source_url, progress.build.source_version or "HEAD"
        self._source.mkdir()
        environment = GIT | {"GIT_DIR": str(self._directory / "git"), "GIT_WORK_TREE": str(self._source)}
        for command in (
            ("init", "--quiet"),
            ("fetch", "--quiet", "--depth", "1", "--", url, version),
            ("checkout", "--quiet", "FETCH_HEAD"),
        ):
            if progress.run(("git", *command), environment, self._source):
                message = f"git {command[0]} error for primary source and source version {version}"
                raise Ended("FAILED", "CLIENT_ERROR", message)
        told = run("git", "log", "-1", "--format=%H %ct", cwd=self._source, env=environment)
        commit, self._committed = told.split()
        return commit

    def build(self, progress: Progress) -> None:
        if code := self._buildctl(progress):
            raise failed_command("docker build .", code)

    def push(self, progress: Progress, repository: str, tag: str) -> str:
        """The same build again, out of the cache, and then into the registry."""
        metadata = self._directory / "metadata.json"
        with self._ecr.place_for(repository, tag) as place:
            output = f"type=image,name={place},push=true,rewrite-timestamp=true"
            if code := self._buildctl(progress, "--output", output, "--metadata-file", str(metadata)):
                raise failed_command(f"docker push {repository}:{tag}", code)
        return str(json.loads(metadata.read_text())["containerimage.digest"])

    def _buildctl(self, progress: Progress, *arguments: str) -> int:
        sources = ("--local", f"context={self._source}", "--local", f"dockerfile={self._source}")
        epoch = ("--opt", f"build-arg:SOURCE_DATE_EPOCH={self._committed}")
        command = ("build", "--progress=plain", "--frontend=dockerfile.v0", *sources, *epoch, *arguments)
        return progress.run(self._buildkit.buildctl(*command), self._buildkit.environment, self._directory)
