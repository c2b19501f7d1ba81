"""Names that users, dashboards and other programs rely on. Each stands here once."""

from typing import Final

GROUP: Final = "brandrelease.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FIELD_MANAGER: Final = "brandrelease"
"""The name under which the API server records which fields are ours (server-side apply)."""

NAME_LABEL: Final = f"{GROUP}/name"
"""On a Deployment, its pods and a hook's Job: name of the BrandRelease. On a build Job: name of the Brand."""

RELEASE_LABEL: Final = f"{GROUP}/release"
"""On a pod template: number of the release, so that the pods of two releases can be told apart."""

COMMIT_ANNOTATION: Final = f"{GROUP}/commit"
"""On a pod template: the full id of the commit that the image was built from."""

FOUND_IMAGE_ANNOTATION: Final = f"{GROUP}/foundImage"
"""On a Deployment: the last image from outside of the Brand's repository that was found there, and may be gone back to."""

BUILD_KEY_LABEL: Final = f"{GROUP}/build-key"
"""On a build Job: the build key, see `core.images.build_key`."""

REQUESTED_AT_ANNOTATION: Final = f"{GROUP}/requestedAt"
"""On a BrandRelease: any new text asks to resolve the ref again and to release what it finds."""

ROLLBACK_TO_ANNOTATION: Final = f"{GROUP}/rollbackTo"
"""On a BrandRelease: number of an earlier release whose image shall run again."""

ABORT_ANNOTATION: Final = f"{GROUP}/abort"
"""On a BrandRelease: number of the release in flight that shall be given up."""

OVERRIDE_ANNOTATION: Final = f"{GROUP}/override"
"""On a BrandRelease: "<commit> <why>" lets a quarantined commit through."""

SHARDS_LABEL: Final = f"{GROUP}/shards"
"""On the Lease of a shard: how many shards there are."""

HOOK_LABEL: Final = f"{GROUP}/hook"
"""On a hook's Job and its pod: preDeploy or postDeploy."""
