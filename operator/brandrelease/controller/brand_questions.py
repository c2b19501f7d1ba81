"""All that a pass over a Brand asks the world: whether source, registry, builder, checks and endpoints can be reached.

Only what is cheap is asked, and nothing is changed by asking. Every question has a limit, and none is lost for another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from brandrelease.apis.brand import Brand
from brandrelease.apis.checks import Check
from brandrelease.apis.reasons import Reason
from brandrelease.controller.looking import Looking
from brandrelease.core.brands.seen import Asked, CheckLook, Unreached
from brandrelease.core.builds.images import builder_name
from brandrelease.core.builds.seen import ImageUnknown
from brandrelease.core.checks.measured import CheckOrder, Observation, Unmeasured
from brandrelease.ports import Endpoints, Refused, Registry, Secret, Sources, Usable

QUESTION_SECONDS: Final = 100.0
"""Longest wait for one answer, and for all checks together. git has a limit of 30 s of its own, boto3 one of 4 tries of 23 s."""

CHECKS_AT_ONCE: Final = 4
ANY_TAG: Final = "brandrelease-asks"
"""A tag that nobody has: that it is absent is a good answer."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Who names a Secret, and what it is told as that it is not there."""

    brand: str
    field: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Questions:
    """Whom to ask. Builders, checks and endpoints without an entry are not asked, and nothing is said of them."""

    sources: Sources
    registry: Registry
    builders: Mapping[str, Usable]
    secret: Callable[[str, str], Awaitable[Secret | None]]
    build_namespace: str
    looking: Looking | None = None
    endpoints: Endpoints | None = None

    async def ask(self, brand: Brand) -> Asked:
        """Ask everybody at the same time."""
        source, registry, builder, checks, endpoints = await asyncio.gather(
            self._source(brand),
            self._registry(brand),
            self._builder(brand),
            self._checks(brand),
            self._endpoints(brand),
        )
        return Asked(source, registry, builder, checks, endpoints)

    async def _source(self, brand: Brand) -> Unreached | None:
        source = brand.spec.source
        missing = Missing(brand.name, "spec.source.secretName", Reason.SourceAuthenticationFailed)
        secret = await self._build_secret(source.secret_name, missing)
        if isinstance(secret, Unreached):
            return secret
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                trouble = await self.sources.trouble(source.url, secret)
        except TimeoutError:
            return Unreached(Reason.SourceUnreachable, _slow(source.url))
        return Unreached(trouble.reason, trouble.message) if trouble else None

    async def _registry(self, brand: Brand) -> Unreached | None:
        image = brand.spec.image
        missing = Missing(brand.name, "spec.image.secretName", Reason.RegistryAuthenticationFailed)
        secret = await self._build_secret(image.secret_name, missing)
        if isinstance(secret, Unreached):
            return secret
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                found = await self.registry.look_up(image.repository, ANY_TAG, secret)
        except TimeoutError:
            return Unreached(Reason.RegistryUnreachable, _slow(image.repository))
        return Unreached(found.reason, found.message) if isinstance(found, ImageUnknown) else None

    async def _builder(self, brand: Brand) -> Unreached | None:
        usable = self.builders.get(builder_name(brand))
        if usable is None:
            return None
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                return await usable.trouble(brand)
        except TimeoutError:
            return Unreached(Reason.BuilderUnreachable, _slow(f"The builder {builder_name(brand)}"))

    async def _endpoints(self, brand: Brand) -> tuple[str, ...] | None:
        if self.endpoints is None:
            return None
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                told = await self.endpoints.troubles(brand)
        except TimeoutError:
            return (_slow("An endpoint of the notifications"),)
        return None if told is None else tuple(told)

    # --- checks -------------------------------------------------------------------------------------------------------

    async def _checks(self, brand: Brand) -> tuple[CheckLook, ...]:
        """One look at each source; environments that look at the same share the look."""
        if self.looking is None:
            return ()
        places, until = asyncio.Semaphore(CHECKS_AT_ONCE), asyncio.get_running_loop().time() + QUESTION_SECONDS
        looks: dict[str, asyncio.Task[Observation]] = {}
        told: list[tuple[str, Check, asyncio.Task[Observation]]] = []
        async with asyncio.TaskGroup() as group:
            for environment in brand.spec.environments:
                for check in environment.checks:
                    key = f"{check.source_name} {check.source.model_dump_json()}"
                    if key not in looks:
                        looks[key] = group.create_task(_look(self.looking, check, places, until))
                    told.append((environment.name, check, looks[key]))
        return tuple(CheckLook(environment, check, look.result()) for environment, check, look in told)

    # --- Secrets ------------------------------------------------------------------------------------------------------

    async def _build_secret(self, name: str | None, missing: Missing) -> Secret | Unreached | None:
        """The Secret of this name; None where none is named."""
        if name is None:
            return None
        try:
            secret = await self.secret(self.build_namespace, name)
        except Refused as refused:
            return Unreached(refused.refusal.reason, refused.refusal.message)
        if secret is None:
            text = (
                f'There is no Secret "{name}" in namespace "{self.build_namespace}", which Brand {missing.brand} names in {missing.field}. '
                f"Create it, or correct {missing.field}."
            )
            return Unreached(missing.reason, text)
        return secret


async def _look(looking: Looking, check: Check, places: asyncio.Semaphore, until: float) -> Observation:
    try:
        async with asyncio.timeout_at(until), places:
            return await looking.look(CheckOrder(check))
    except TimeoutError:
        return Unmeasured(_slow("Its source"))


def _slow(who: str) -> str:
    return f"{who} has not answered in time. It is asked again; if this lasts, look whether it runs and whether a NetworkPolicy or firewall is in the way."
