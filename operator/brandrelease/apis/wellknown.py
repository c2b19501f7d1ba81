"""Names that users, dashboards and other programs rely on. Each stands here once."""

from typing import Final

GROUP: Final = "brandrelease.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FIELD_MANAGER: Final = "brandrelease"
"""The name under which the API server records which fields are ours (server-side apply)."""

NAME_LABEL: Final = f"{GROUP}/name"
"""On a Deployment, its pods and a build Job: name of the BrandRelease (on a Job: of the Brand)."""

RELEASE_LABEL: Final = f"{GROUP}/release"
"""On a pod template: number of the release, so that the pods of two releases can be told apart."""

COMMIT_ANNOTATION: Final = f"{GROUP}/commit"
"""On a pod template: the full id of the commit that the image was built from."""

BUILD_KEY_LABEL: Final = f"{GROUP}/build-key"
"""On a build Job: the build key, see `core.images.build_key`."""

REQUESTED_AT_ANNOTATION: Final = f"{GROUP}/requestedAt"
"""On a BrandRelease: any new text asks to resolve the ref again and to release what it finds."""
