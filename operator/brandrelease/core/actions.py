"""What a decision may ask for. Each action can be carried out twice and is then as if done once."""

from dataclasses import dataclass
from datetime import timedelta

from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.core.images import BuildOrder


@dataclass(frozen=True, slots=True)
class StartBuild:
    """Start a build, or join it if it was started before."""

    order: BuildOrder


@dataclass(frozen=True, slots=True)
class CancelBuild:
    """Stop a build that nobody waits for any more."""

    order: BuildOrder


@dataclass(frozen=True, slots=True)
class DeploymentPatch:
    """Our fields of a Deployment, for one release.

    uid: of the Deployment that the decision looked at; another one of the same name is not touched.
    number: of the release; 0 restores what was found at adoption, when the pod template bore no mark of ours.
    """

    namespace: str
    deployment: str
    uid: str
    release_name: str
    number: int
    commit: str | None
    container: str
    image: str


@dataclass(frozen=True, slots=True)
class ApplyRelease:
    """Change the Deployment to the release in flight."""

    patch: DeploymentPatch


@dataclass(frozen=True, slots=True)
class RollBack:
    """Change the Deployment back to the release that ran before."""

    patch: DeploymentPatch


Action = StartBuild | CancelBuild | ApplyRelease | RollBack


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of a decision: the whole status as it shall be, and at most one change to the outside world.

    look_again: when to look even if nothing happens; None where events tell everything.
    retry: something could not be asked; look again after a growing pause of at most this length.
    """

    status: BrandReleaseStatus
    action: Action | None = None
    look_again: timedelta | None = None
    retry: timedelta | None = None
