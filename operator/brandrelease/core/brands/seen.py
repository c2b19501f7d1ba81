"""What is seen of a Brand: the object, who holds its environments, and whether what releases need can be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.checks import Check
from brandrelease.apis.reasons import Reason
from brandrelease.core.checks.measured import Observation
from brandrelease.core.snapshot import BrandInvalid


@dataclass(frozen=True, slots=True)
class SeenBrand:
    """The object as the API server has it. `brand` is what can be understood of it."""

    name: str
    uid: str
    generation: int
    resource_version: str
    brand: Brand | BrandInvalid
    status: BrandStatus = field(default_factory=BrandStatus)


@dataclass(frozen=True, slots=True)
class Unreached:
    """Something does not answer, or refuses. message: what, why, and what to do."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class CheckLook:
    """A check of an environment, and what one look at its source has found."""

    environment: str
    check: Check
    observation: Observation


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking has found. None of source, registry, builder: it can be reached.

    checks: one look at each check; those whose source nobody can ask are not among them.
    endpoints: sentences about those of the notifications that cannot be told; None where there are none to ask.
    """

    source: Unreached | None = None
    registry: Unreached | None = None
    builder: Unreached | None = None
    checks: tuple[CheckLook, ...] = ()
    endpoints: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class BrandSnapshot:
    """All that is known when a Brand is judged.

    holders: name of the BrandRelease that holds an environment, by its name. asked: None where nothing was asked in
    this pass, since it is not time yet.
    """

    now: datetime
    seen: SeenBrand
    holders: Mapping[str, str]
    asked: Asked | None
