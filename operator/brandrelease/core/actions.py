"""What a decision may ask for. Each action can be carried out twice and is then as if done once."""

from dataclasses import dataclass
from datetime import timedelta

from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder, split_reference
from brandrelease.core.telling.notice import Notice


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

    uid, generation and resource_version: of the Deployment that the decision looked at; another one of the same name is not
    touched, nor one whose spec somebody has changed since.
    number: of the release; 0 restores what was found at adoption, when the pod template bore no mark of ours.
    found_image: what the Deployment shall remember, see `core.provenance`.
    """

    namespace: str
    deployment: str
    uid: str
    generation: int
    resource_version: str
    release_name: str
    number: int
    commit: str | None
    container: str
    image: str
    found_image: str | None = None


@dataclass(frozen=True, slots=True)
class ApplyRelease:
    """Change the Deployment to the release in flight."""

    patch: DeploymentPatch


@dataclass(frozen=True, slots=True)
class RollBack:
    """Change the Deployment back to the release that ran before."""

    patch: DeploymentPatch


@dataclass(frozen=True, slots=True)
class HookOrder:
    """One hook of one release: everything that its Job needs besides what is taken over from the Deployment.

    owner_uid: of the BrandRelease, which the Job goes away with. kind: preDeploy or postDeploy.
    """

    namespace: str
    release_name: str
    owner_uid: str
    number: int
    commit: str
    kind: str
    deployment: str
    container: str
    image: str
    command: tuple[str, ...]
    timeout_seconds: int

    @property
    def name(self) -> str:
        """Name of the Job, the same whoever asks: a second start of it finds the first."""
        kind = "pre" if self.kind == PRE_DEPLOY else "post"
        return f"{self.release_name[:40].rstrip('-.')}-{self.number}-{kind}-{self.owner_uid[:8]}"


PRE_DEPLOY, POST_DEPLOY = "preDeploy", "postDeploy"


@dataclass(frozen=True, slots=True)
class StartHook:
    """Start a hook's Job, or do nothing if it was started before."""

    order: HookOrder


@dataclass(frozen=True, slots=True)
class StopHook:
    """Stop a hook that nobody waits for any more."""

    namespace: str
    job: str


@dataclass(frozen=True, slots=True)
class InvalidationOrder:
    """What the cache in front of the site is to forget, since another image serves now.

    owner_uid: of the BrandRelease. number: of its release that was live or rolled back. image: what serves.
    """

    owner_uid: str
    number: int
    image: str
    distribution: str
    paths: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The CallerReference, the same whoever asks: a second request with it is the same invalidation."""
        digest_or_tag = split_reference(self.image)[1].removeprefix("sha256:")
        return f"{self.owner_uid}-{self.number}-{digest_or_tag[:12]}"


@dataclass(frozen=True, slots=True)
class Invalidate:
    """Have the cache forget what it has kept, or do nothing if it was asked for before."""

    order: InvalidationOrder


Action = StartBuild | CancelBuild | ApplyRelease | RollBack | StartHook | StopHook | Invalidate


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told by a Kubernetes Event about the BrandRelease, once the status is written."""

    reason: Reason
    message: str
    warning: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of a decision: the whole status as it shall be, and at most one change to the outside world.

    look_again: when to look even if nothing happens; None where events tell everything.
    retry: something could not be asked; look again after a growing pause of at most this length.
    notices: what endpoints are to be told now, once the status is written; at most one for each.
    """

    status: BrandReleaseStatus
    action: Action | None = None
    look_again: timedelta | None = None
    retry: timedelta | None = None
    announcements: tuple[Announcement, ...] = ()
    notices: tuple[Notice, ...] = ()
