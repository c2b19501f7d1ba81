"""Whose doing a failure is: one table, one line per reason, so that one reason always has one blame.

Release: the commit's own doing; the commit is quarantined. Platform: the commit may be good; it is tried again by itself.
Unknown: it may be either, or a person's doing; nothing is quarantined and nothing tried by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who is to blame for a reason, and why it is they."""

    blame: Blame
    why: str


_ours, _theirs, _open = Blame.Release, Blame.Platform, Blame.Unknown

# fmt: off
BLAME: Final[Mapping[Reason, Attribution]] = MappingProxyType({
    # From commit to image. Nothing has run yet: status.quarantine is for commits that have.
    Reason.BuildFailed: Attribution(_ours, "a step of the Dockerfile failed, and the commit has it"),
    Reason.BuildInfrastructureFailed: Attribution(_theirs, "the Dockerfile was not even tried, or the push was refused"),
    Reason.BuildNotStarted: Attribution(_theirs, "the cluster refuses the Job, whatever is in the commit"),
    Reason.BuildQuotaExceeded: Attribution(_theirs, "AWS takes no more builds for now"),
    Reason.BuildStopped: Attribution(_open, "somebody stopped the build in CodeBuild, and knows why"),
    Reason.CommitGone: Attribution(_open, "somebody has force-pushed over the commit before it was built"),
    Reason.BuilderUnreachable: Attribution(_theirs, "AWS does not answer, or answers that it is busy"),
    Reason.BuilderMisconfigured: Attribution(_open, "the Brand, the project or the operator's rights are to be mended"),
    Reason.BuildTimedOut: Attribution(_open, "a slow build and a slow cluster look the same"),
    Reason.RegistryUnreachable: Attribution(_theirs, "the registry does not answer"),
    Reason.RegistryAuthenticationFailed: Attribution(_theirs, "the registry refuses the operator's login"),
    Reason.ImageArchived: Attribution(_open, "somebody, or a rule, has archived the image"),
    Reason.RepositoryNotFound: Attribution(_open, "the Brand names a repository that nobody has made"),
    Reason.ImageMissingAfterBuild: Attribution(_theirs, "it was built, and the registry has lost it"),
    Reason.ImageNotPushed: Attribution(_open, "CI failed or was never asked; only CI knows"),
    Reason.DigestMismatch: Attribution(_open, "somebody else pushes to the tag"),

    # The Deployment, taken away or changed by somebody in the middle of a release.
    Reason.DeploymentNotFound: Attribution(_open, "somebody has deleted the Deployment"),
    Reason.ContainerNotFound: Attribution(_open, "somebody has changed the Deployment or the Brand"),
    Reason.ContainerAmbiguous: Attribution(_open, "somebody has changed the Deployment or the Brand"),
    Reason.ImageOverridden: Attribution(_open, "somebody has set another image"),
    Reason.ImageNotAllowed: Attribution(_open, "somebody has written the status, or has moved the Brand"),
    Reason.DeploymentRefused: Attribution(_open, "the API server refuses a change that is the same for every commit"),

    # Hooks.
    Reason.PreDeployFailed: Attribution(_open, "a migration talks with a database whose state is not the commit's doing"),
    Reason.PostDeployFailed: Attribution(_open, "a hook talks with things whose state is not the commit's doing"),
    Reason.HookLost: Attribution(_open, "nobody knows how far the hook came"),
    Reason.HookNotStarted: Attribution(_theirs, "the cluster refuses the Job, whatever is in the commit"),

    # The new pods: what the image and its code do.
    Reason.RunAsNonRoot: Attribution(_ours, "the image names its user, and the commit makes the image"),
    Reason.OOMKilled: Attribution(_ours, "the limit is the same as before, the code is not"),
    Reason.NodeOutOfMemory: Attribution(_open, "without a limit, whatever else is on the node decides who is killed"),
    Reason.StartError: Attribution(_ours, "the command is not in the image, and the commit makes the image"),
    Reason.RunContainerError: Attribution(_ours, "the command is not in the image, and the commit makes the image"),
    Reason.CreateContainerError: Attribution(_ours, "the image does not fit its Deployment, which is the same as before"),
    Reason.PostStartHookError: Attribution(_ours, "the hook is the same as before, the code that it calls is not"),
    Reason.LivenessProbeFailed: Attribution(_ours, "the probe is the same as before, the code that answers it is not"),
    Reason.CrashLoopBackOff: Attribution(_ours, "the container started and its code ended it"),
    Reason.PodNotReady: Attribution(_ours, "the container runs, and its code does not answer the probe"),

    # The new pods: what the Deployment names and is not there.
    Reason.InvalidImageName: Attribution(_open, "the name comes from the Brand or the Deployment"),
    Reason.ErrImageNeverPull: Attribution(_open, "the Deployment forbids to pull"),
    Reason.SignatureValidationFailed: Attribution(_open, "who signs is between the build and the nodes"),
    Reason.ImageNotFound: Attribution(_open, "somebody has deleted the image, or it is another container's"),
    Reason.CreateContainerConfigError: Attribution(_open, "the Deployment names what is not there; the commit does not"),
    Reason.VolumeSourceNotFound: Attribution(_open, "the Deployment names what is not there; the commit does not"),
    Reason.ServiceAccountNotFound: Attribution(_open, "the Deployment names what is not there; the commit does not"),
    Reason.AdmissionDenied: Attribution(_open, "a policy refuses the Deployment's pods, whatever their image does"),

    # The new pods: what the cluster cannot give.
    Reason.ErrImagePull: Attribution(_theirs, "the registry is down, slow, or wants a login"),
    Reason.ImagePullBackOff: Attribution(_theirs, "the registry is down, slow, or wants a login"),
    Reason.RegistryUnavailable: Attribution(_theirs, "the registry is down"),
    Reason.ContainerRuntimeError: Attribution(_theirs, "the node's runtime fails before the image has a part in it"),
    Reason.Unschedulable: Attribution(_theirs, "the nodes have no room"),
    Reason.FailedAttachVolume: Attribution(_theirs, "the storage does not come"),
    Reason.FailedMount: Attribution(_theirs, "the storage does not come"),
    Reason.FailedCreatePodSandBox: Attribution(_theirs, "the node fails before the image has a part in it"),
    Reason.ExceededQuota: Attribution(_theirs, "the namespace has no room"),
    Reason.FailedCreate: Attribution(_theirs, "the API server could not make the pods"),
    Reason.ProgressDeadlineExceeded: Attribution(_open, "nobody said why"),

    # Signals besides the pods. What was bad before the release is never charged with it.
    Reason.CheckFailed: Attribution(_ours, "it was good before the Deployment was changed, and nothing else was changed"),
    Reason.CheckFailedWithoutBaseline: Attribution(_open, "nobody knows whether it was good before the Deployment was changed"),
    Reason.EdgeFailed: Attribution(_open, "the pods answer well: what is in front of them may be broken, or may not bear what they say"),
    Reason.AlarmRaised: Attribution(_open, "many brands may share what the alarm looks at"),
    Reason.MetricExceeded: Attribution(_open, "many brands may share what the metric counts"),

    # The way back, and people.
    Reason.RollbackRequested: Attribution(_ours, "somebody has judged the release bad"),
    Reason.RollbackFailed: Attribution(_open, "what the release failed for is told beside it, and has its own blame"),
    Reason.MissingRollbackTarget: Attribution(_open, "what the release failed for is told beside it, and has its own blame"),
    Reason.Aborted: Attribution(_open, "somebody stopped it, and did not say that it is bad"),
})
# fmt: on
"""Every reason that a release can fail for."""


def blame_of(reason: Reason) -> Blame:
    """Whose doing the reason is; a reason that is not a failure has nobody to blame, and counts as Unknown."""
    attribution = BLAME.get(reason)
    return attribution.blame if attribution else Blame.Unknown
