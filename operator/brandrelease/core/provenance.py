"""Which images may be put into a Deployment: the last word before one is, whatever the status says.

A status is only a record, and whoever may write it could name any image in it. So an image must be of the Brand's own
repository; or, since adoption and a move to another repository are ways back too, of the repository that the Deployment
runs from at the moment, or the very one that was found there before a release took its place.
"""

from dataclasses import replace
from typing import Final

from brandrelease.apis.progress import Rollback
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Action, ApplyRelease, Plan, RollBack, StartHook
from brandrelease.core.builds.images import is_of_brand, split_reference
from brandrelease.core.obstacles import Obstacle, container_of
from brandrelease.core.plain import line
from brandrelease.core.plans import RETRY_SELDOM, blocked, brand_of
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.words import cut

_IMAGE_SHOWN: Final = 300


def may_deploy(world: Snapshot, image: str) -> bool:
    """Whether this image may be put into the Deployment of the snapshot."""
    if is_of_brand(brand_of(world), image):
        return True
    deployment, environment = world.deployment, world.environment
    if deployment is None or environment is None:
        return False
    there = deployment.images.get(container_of(deployment, environment) or "", "")
    return image == deployment.found_image or split_reference(image)[0] == split_reference(there)[0]


def only_allowed(world: Snapshot, plan: Plan) -> Plan:
    """The plan; or, if it would start an image from elsewhere, that it is not done, and nothing else."""
    image = _image_of(plan.action)
    if image is None or may_deploy(world, image):
        return plan
    why = f"{not_allowed(world, image)} Ask for a ref again (annotation brandrelease.dev/requestedAt, or a new ref) to release it anew."
    stays = blocked(world, world.release.status, Reason.ImageNotAllowed, why, RETRY_SELDOM)
    return replace(stays, announcements=())


def leads_elsewhere(world: Snapshot, rollback: Rollback) -> Obstacle | None:
    """What ends a rollback that was not begun by us: a request would wait for its end for ever."""
    if may_deploy(world, rollback.image):
        return None
    return Obstacle(Reason.ImageNotAllowed, not_allowed(world, rollback.image))


def not_allowed(world: Snapshot, image: str) -> str:
    """Why the image is not deployed, as a sentence."""
    return (
        f"The image {cut(line(image), _IMAGE_SHOWN)} is not in {brand_of(world).spec.image.repository}, the repository of the Brand, "
        "and nothing in the Deployment says that it has run there, so it is not deployed."
    )


def _image_of(action: Action | None) -> str | None:
    match action:
        case ApplyRelease(patch) | RollBack(patch):
            return patch.image
        case StartHook(order):
            return order.image
        case _:
            return None
