"""The image of a container: its name, whether it is there, and whether the node gets it.

Reasons: kubernetes pkg/kubelet/images/types.go and k8s.io/cri-api/pkg/errors.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from brandrelease.core.health.case import Case
from brandrelease.core.health.quoting import quoted, says
from brandrelease.core.health.rule import Sighting

IMAGE_MISSING_GRACE: Final = timedelta(seconds=10)
"""A registry may need a moment until every one of its servers shows an image that was just pushed."""

_PULLING: Final = ("ErrImagePull", "ImagePullBackOff")
_NOT_FOUND: Final = ("not found", "manifest unknown", "manifest_unknown", "does not exist", "name unknown")
_NO_ANSWER: Final = ("may require", "unauthorized", "denied", "authorization failed", "no such host", "dial tcp")
"""A registry hides what a login may not see, and a name server's "not found" says nothing about an image."""


_DENIED: Final = ("no basic auth", "401", "403", "unauthorized", "denied", "authorization failed", "not authorized")
_MAY_NOT: Final = ". Nodes pull from ECR with their own role: on kops, set spec.iam.allowContainerRegistry to true and update the cluster"


def _may_not_pull_from_ecr(words: str) -> bool:
    return says(words, ".dkr.ecr.") and says(words, *_DENIED)


def name_is_invalid(case: Case) -> Sighting | None:
    """No later try can make a malformed image name right."""
    state = case.waits_for("InvalidImageName")
    return case.sighting(f"The image name of {case.name} is not valid: {quoted(state.message)}") if state else None


def is_never_pulled(case: Case) -> Sighting | None:
    """The Deployment forbids the node to pull, and the image is not on it."""
    if not case.waits_for("ErrImageNeverPull"):
        return None
    message = f"The image of {case.name} is not on its node, and imagePullPolicy Never forbids to pull it; set IfNotPresent in the Deployment"
    return case.sighting(message)


def signature_is_refused(case: Case) -> Sighting | None:
    """The node checks signatures, and this image has none that it accepts."""
    state = case.waits_for("SignatureValidationFailed")
    message = f"The node does not accept the signature of the image of {case.name}"
    return case.sighting(f"{message}: {quoted(state.message)}") if state else None


def does_not_exist(case: Case) -> Sighting | None:
    """The registry answered, and it does not have the image."""
    state = case.waits_for(*_PULLING)
    if not state or not says(state.message, *_NOT_FOUND) or says(state.message, *_NO_ANSWER):
        return None
    message = (
        f"The image of {case.name} is not in the registry: {quoted(state.message)}. "
        "If it was deleted there, ask for the release again, so that it is built anew"
    )
    return case.sighting(message)


def cannot_be_pulled(kubelets_word: str) -> Callable[[Case], Sighting | None]:
    """The registry is down, slow, limits the rate or wants a login: it may answer before the deadline."""

    def look(case: Case) -> Sighting | None:
        if not (state := case.waits_for(kubelets_word)):
            return None
        hint = _MAY_NOT if _may_not_pull_from_ecr(state.message) else ""
        return case.sighting(f"The node cannot pull the image of {case.name}: {quoted(state.message)}{hint}")

    return look
