"""Which image belongs to a commit: the build key, the tag and the order that a builder carries out."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from brandrelease.apis.brand import Brand
from brandrelease.apis.build import BuildKit, CodeBuild, Resources

BUILD_KEY_VERSION = 1
"""Raised when the way an image is built changes so much that older images must not be reused."""

PLATFORM = "linux/amd64"

EXTERNAL: Final = "external"
"""The builder that builds nothing itself."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,511}")

_ECR: Final = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


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
    code_build: CodeBuild | None = None
    id: str | None = None
    """As the builder knows it, where it gives names of its own; None until that is on record."""

    @property
    def name(self) -> str:
        """Name of the build, the same whoever asks: a second start of it finds the first."""
        return build_name(self.brand, self.key, self.attempt)

    @property
    def place(self) -> str:
        """Where it runs, as part of a sentence."""
        return f"CodeBuild project {self.code_build.project}" if self.code_build else f"Job {self.name}"


def build_name(brand: str, key: str, attempt: int) -> str:
    """Name of a build, made of what is on record about it."""
    return f"br-{brand[:40].rstrip('-.')}-{key[:10]}-{attempt}"


def build_key(brand: Brand, commit: str) -> str:
    """Hash of everything that decides the image.

    The environment is not among it: the image that was verified on staging is the one that goes to production.
    """
    build = brand.spec.build
    recipe = build.build_kit or build.code_build
    inputs = {
        "version": BUILD_KEY_VERSION,
        "builder": builder_name(brand),
        "source": brand.spec.source.url,
        "commit": commit,
        "repository": brand.spec.image.repository,
        "platform": PLATFORM,
        "recipe": recipe.model_dump(exclude={"resources"}) if recipe else None,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def builder_name(brand: Brand) -> str:
    """The builder's name, as it stands in the Brand."""
    build = brand.spec.build
    return "codeBuild" if build.code_build else "buildKit" if build.build_kit else EXTERNAL


def build_order(brand: Brand, commit: str, attempt: int) -> BuildOrder:
    """What to build for a commit. CI's images are tagged with the full commit id, ours with commit and key."""
    key = build_key(brand, commit)
    recipe, builder = brand.spec.build.build_kit or BuildKit(), builder_name(brand)
    return BuildOrder(
        brand=brand.name,
        brand_uid=brand.uid,
        builder=builder,
        source_url=brand.spec.source.url,
        source_secret=brand.spec.source.secret_name,
        commit=commit,
        repository=brand.spec.image.repository,
        registry_secret=brand.spec.image.secret_name,
        tag=commit if builder == EXTERNAL else f"{commit[:12]}-{key[:10]}",
        key=key,
        attempt=attempt,
        timeout_seconds=brand.spec.build.timeout_seconds,
        context=recipe.context,
        dockerfile=recipe.dockerfile,
        target=recipe.target,
        args=tuple(sorted(recipe.args.items())),
        resources=recipe.resources,
        code_build=brand.spec.build.code_build,
    )


def is_reference(image: str) -> bool:
    """Whether it can be the name of an image, which a Deployment need not have: there it may be any text."""
    return _REFERENCE.fullmatch(image) is not None


def split_reference(image: str) -> tuple[str, str]:
    """Repository and digest or tag of an image as it stands in a Deployment; the tag is `latest` where none stands."""
    repository, at, digest = image.partition("@")
    name, colon, tag = repository.rpartition(":")
    if colon and "/" not in tag:
        return name, digest if at else tag
    return repository, digest if at else "latest"


def is_of_brand(brand: Brand, image: str) -> bool:
    """Whether an image is in the Brand's own repository."""
    return split_reference(image)[0] == brand.spec.image.repository


def host_of(repository: str) -> str:
    """The registry of a repository: what stands before the first slash."""
    return repository.partition("/")[0]


@dataclass(frozen=True, slots=True)
class EcrRegistry:
    """A private registry of Amazon ECR."""

    account: str
    region: str


def ecr_registry(host: str) -> EcrRegistry | None:
    """Whose registry of ECR this host is; None for any other registry."""
    match = _ECR.fullmatch(host)
    return EcrRegistry(match[1], match[2]) if match else None
