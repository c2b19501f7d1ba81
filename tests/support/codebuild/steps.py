"""The way of a build through its phases, as the buildspec of a site's project has it; for real, or with a tiny image."""

from typing import Protocol

from support.codebuild import phases
from support.codebuild.ecr import Ecr, PushRefused
from support.codebuild.progress import Progress, failed_command
from support.codebuild.script import Image

DIGEST = "IMAGE_DIGEST"
ANOTHER_DIGEST = "sha256:" + "0" * 64


class Steps(Protocol):
    """What is different between a real build and one that is played."""

    def fetch(self, progress: Progress) -> str:
        """Get the source; its commit."""

    def build(self, progress: Progress) -> None: ...

    def push(self, progress: Progress, repository: str, tag: str) -> str:
        """Push what was built; its digest."""


class TinySteps:
    """No source, no build; the image has no layers, and its digest depends on the commit."""

    def __init__(self, ecr: Ecr) -> None:
        self._ecr = ecr

    def fetch(self, progress: Progress) -> str:
        return progress.build.source_version

    def build(self, progress: Progress) -> None:
        """Nothing takes no time."""

    def push(self, progress: Progress, repository: str, tag: str) -> str:
        return self._ecr.push_tiny(repository, tag, progress.build.commit)


def carry_out(progress: Progress, steps: Steps) -> None:
    """Take the build through all its phases. Raises Ended where it does not succeed."""
    image = progress.build.script.image
    progress.enter(phases.PROVISIONING)
    progress.enter(phases.DOWNLOAD_SOURCE)
    progress.resolve(steps.fetch(progress))
    progress.enter(phases.INSTALL)
    progress.enter(phases.PRE_BUILD)
    _check_commit(progress)
    progress.enter(phases.BUILD)
    steps.build(progress)
    progress.enter(phases.POST_BUILD)
    if image is not Image.Missing:
        digest = _pushed(progress, steps)
        if image is not Image.NotExported:
            progress.export(DIGEST, ANOTHER_DIGEST if image is Image.OtherDigest else digest)
    progress.enter(phases.UPLOAD_ARTIFACTS)
    progress.enter(phases.FINALIZING)


def _check_commit(progress: Progress) -> None:
    """The buildspec does not build anything but what it was told to build."""
    wanted = progress.variable("GIT_COMMIT")
    if wanted != progress.build.commit:
        progress.say(f"The source is {progress.build.commit}, and not {wanted}")
        raise failed_command('test "$GIT_COMMIT" = "$CODEBUILD_RESOLVED_SOURCE_VERSION"', 1)


def _pushed(progress: Progress, steps: Steps) -> str:
    repository = progress.build.variables.get("IMAGE_REPO") or progress.build.project.repository
    tag = progress.variable("IMAGE_TAG")
    if not repository:
        progress.variable("IMAGE_REPO")
    try:
        return steps.push(progress, repository, tag)
    except PushRefused as refused:
        progress.say(str(refused))
        raise failed_command(f"docker push {repository}:{tag}", 1) from refused
