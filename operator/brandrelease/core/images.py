"""Which image belongs to a commit: the build key, the tag and the order that a builder carries out."""

import hashlib
import json
from dataclasses import dataclass

from brandrelease.apis.brand import Brand
from brandrelease.apis.build import BuildKit, Resources

BUILD_KEY_VERSION = 1
"""Raised when the way an image is built changes so much that older images must not be reused."""

PLATFORM = "linux/amd64"


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """One build: everything a builder needs, and nothing that two environments could differ in."""

    brand: str
    brand_uid: str
    builder: str
    source_url: str
    source_secret: str | None
    commit: str
    repository: str
    registry_secret: str | None
    tag: str
    key: str
    attempt: int
    timeout_seconds: int
    context: str = "."
    dockerfile: str = "Dockerfile"
    target: str | None = None
    args: tuple[tuple[str, str], ...] = ()
    resources: Resources | None = None

    @property
    def name(self) -> str:
        """Name of the build, the same whoever asks: a second start of it finds the first."""
        return f"br-{self.brand[:40].rstrip('-.')}-{self.key[:10]}-{self.attempt}"


def build_key(brand: Brand, commit: str) -> str:
    """Hash of everything that decides the image.

    The environment is not among it: the image that was verified on staging is the one that goes to production.
    """
    build_kit = brand.spec.build.build_kit
    inputs = {
        "version": BUILD_KEY_VERSION,
        "builder": builder_name(brand),
        "source": brand.spec.source.url,
        "commit": commit,
        "repository": brand.spec.image.repository,
        "platform": PLATFORM,
        "recipe": build_kit.model_dump(exclude={"resources"}) if build_kit else None,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def builder_name(brand: Brand) -> str:
    """The builder's name, as it stands in the Brand."""
    return "buildKit" if brand.spec.build.build_kit else "external"


def build_order(brand: Brand, commit: str, attempt: int) -> BuildOrder:
    """What to build for a commit. CI's images are tagged with the full commit id, ours with commit and key."""
    key = build_key(brand, commit)
    build_kit = brand.spec.build.build_kit
    recipe = build_kit or BuildKit()
    return BuildOrder(
        brand=brand.name,
        brand_uid=brand.uid,
        builder=builder_name(brand),
        source_url=brand.spec.source.url,
        source_secret=brand.spec.source.secret_name,
        commit=commit,
        repository=brand.spec.image.repository,
        registry_secret=brand.spec.image.secret_name,
        tag=f"{commit[:12]}-{key[:10]}" if build_kit else commit,
        key=key,
        attempt=attempt,
        timeout_seconds=brand.spec.build.timeout_seconds,
        context=recipe.context,
        dockerfile=recipe.dockerfile,
        target=recipe.target,
        args=tuple(sorted(recipe.args.items())),
        resources=recipe.resources,
    )


def split_reference(image: str) -> tuple[str, str]:
    """Repository and digest or tag of an image as it stands in a Deployment; the tag is `latest` where none stands."""
    repository, at, digest = image.partition("@")
    name, colon, tag = repository.rpartition(":")
    if colon and "/" not in tag:
        return name, digest if at else tag
    return repository, digest if at else "latest"


def host_of(repository: str) -> str:
    """The registry of a repository: what stands before the first slash."""
    return repository.partition("/")[0]
