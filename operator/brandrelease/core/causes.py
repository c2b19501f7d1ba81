"""Which reasons are names for one trouble of the platform, so that releases which fail at the same time are told together.

What is in no row stands for itself: a quota, for example, is one namespace's own.
"""

from typing import Final

from brandrelease.apis.reasons import Reason

# fmt: off
CAUSES: Final = (
    # The registry is down, or lets nobody in: the operator, the builder and the nodes each say so in their own way.
    frozenset({Reason.RegistryUnreachable, Reason.RegistryAuthenticationFailed, Reason.ImageMissingAfterBuild,
               Reason.ErrImagePull, Reason.ImagePullBackOff, Reason.RegistryUnavailable}),
    # A node, or what runs on all of them, cannot make pods.
    frozenset({Reason.ContainerRuntimeError, Reason.FailedCreatePodSandBox}),
    # The storage does not come.
    frozenset({Reason.FailedAttachVolume, Reason.FailedMount}),
    # The API server makes no pods and no Jobs, for example because a webhook does not answer.
    frozenset({Reason.FailedCreate, Reason.BuildNotStarted, Reason.HookNotStarted}),
)
# fmt: on


def alike(reason: Reason) -> frozenset[Reason]:
    """All reasons of the same cause, with this one."""
    return next((cause for cause in CAUSES if reason in cause), frozenset({reason}))
