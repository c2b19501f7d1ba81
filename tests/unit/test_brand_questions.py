"""What is asked about a Brand: nobody for nothing, nobody twice, and nobody for ever."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.checks import CHECKS_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.controller.brand_questions import ANY_TAG, CHECKS_AT_ONCE, QUESTION_SECONDS, Questions
from brandrelease.controller.looking import Looking
from brandrelease.core.brands.seen import Asked, Unreached
from brandrelease.core.builds.seen import ImageAbsent, ImageArchived, ImageFound, ImageLookup, ImageUnknown
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Observation, Unmeasured
from brandrelease.core.snapshot import Refusal, Unresolved
from brandrelease.ports import Refused, Secret
from support.virtual_time import on_virtual_time

SECRETS: dict[tuple[str, str], Secret] = {
    ("builds", "git"): {"username": b"ada"},
    ("builds", "registry"): {".dockerconfigjson": b"{}"},
    ("operator", "monitoring"): {"token": b"t"},
}
FORBIDDEN = Refused(Refusal(Reason.SecretForbidden, "The operator may not read it. Allow it."))
SEEN = NumberSeen(Decimal(1))


@dataclass
class Place:
    """Somebody who is asked, and remembers it. slow: seconds until the answer."""

    answer: Any = None
    slow: float = 0.0
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def _say(self, *question: Any) -> Any:
        self.asked.append(question)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.slow)
        finally:
            self.now -= 1
        return self.answer


class Git(Place):
    async def trouble(self, url: str, secret: Secret | None) -> Unresolved | None:
        found: Unresolved | None = await self._say(url, secret)
        return found


class Registry(Place):
    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        found: ImageLookup = await self._say(repository, reference, secret)
        return found


class Builder(Place):
    async def trouble(self, brand: Brand) -> Unreached | None:
        found: Unreached | None = await self._say(brand.name)
        return found


class Source(Place):
    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:
        found: Observation = await self._say(order, secret)
        return found


class Endpoints(Place):
    async def troubles(self, brand: Brand) -> Sequence[str] | None:
        found: Sequence[str] | None = await self._say(brand.name)
        return found


class World:
    """All who can be asked. forbidden: names of Secrets that the operator may not read."""

    def __init__(self) -> None:
        self.git, self.registry, self.builder = Git(), Registry(ImageAbsent()), Builder()
        self.http, self.endpoints = Source(SEEN), Endpoints()
        self.forbidden: set[str] = set()

    async def secret(self, namespace: str, name: str) -> Secret | None:
        if name in self.forbidden:
            raise FORBIDDEN
        return SECRETS.get((namespace, name))

    async def ask(self, *checks: dict[str, Any], environments: int = 1, endpoints: bool = False, **spec: Any) -> Asked:
        return await Questions(
            self.git,
            self.registry,
            {"codeBuild": self.builder},
            self.secret,
            "builds",
            looking=Looking({"http": self.http, "prometheus": self.http}, self.secret, "operator"),
            endpoints=self.endpoints if endpoints else None,
        ).ask(brand(*checks, environments=environments, **spec))


def brand(*checks: dict[str, Any], environments: int = 1, **spec: Any) -> Brand:
    named: dict[str, Any] = {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": "registry.example.com/drumeo"},
        "build": {"external": {}},
        "environments": [{"name": f"e{number}", "checks": list(checks)} for number in range(environments)],
    }
    for path, value in spec.items():
        named[path] = named[path] | value
    return Brand.model_validate({"name": "drumeo", "uid": "uid", "spec": named})


CODE_BUILD = {"external": None, "codeBuild": {"project": "drumeo", "region": "us-east-2"}}


def http(name: str = "home", **more: Any) -> dict[str, Any]:
    return {"name": name, "http": {"url": "https://www.example.com/"} | more}


def prometheus(secret: str) -> dict[str, Any]:
    source = {"url": "https://prometheus.example.com", "query": "up", "max": "1", "secretName": secret}
    return {"name": "errors", "prometheus": source}


@on_virtual_time
async def test_where_everybody_answers_nothing_is_wrong() -> None:
    world = World()
    assert await world.ask() == Asked()
    assert world.git.asked == [("https://git.example.com/drumeo.git", None)]
    assert world.registry.asked == [("registry.example.com/drumeo", ANY_TAG, None)]
    assert world.builder.asked == []


@on_virtual_time
async def test_git_and_the_registry_are_asked_with_the_secrets_that_the_brand_names() -> None:
    world = World()
    assert await world.ask(source={"secretName": "git"}, image={"secretName": "registry"}) == Asked()
    assert world.git.asked[0][1] == SECRETS["builds", "git"]
    assert world.registry.asked[0][2] == SECRETS["builds", "registry"]


@on_virtual_time
async def test_a_secret_that_is_not_there_is_told_and_nobody_is_asked_without_it() -> None:
    world = World()
    asked = await world.ask(source={"secretName": "no-git"}, image={"secretName": "no-registry"})
    assert asked.source == Unreached(
        Reason.SourceAuthenticationFailed,
        'There is no Secret "no-git" in namespace "builds", which Brand drumeo names in spec.source.secretName. '
        "Create it, or correct spec.source.secretName.",
    )
    assert asked.registry is not None
    assert asked.registry.reason is Reason.RegistryAuthenticationFailed
    assert '"no-registry"' in asked.registry.message
    assert world.git.asked == world.registry.asked == []


@on_virtual_time
async def test_a_secret_that_the_operator_may_not_read_is_told_by_those_who_need_it_and_the_others_are_asked() -> None:
    world = World()
    world.forbidden = {"git", "monitoring"}
    asked = await world.ask(http(), prometheus("monitoring"), source={"secretName": "git"})
    assert asked.source == Unreached(Reason.SecretForbidden, FORBIDDEN.refusal.message)
    assert asked.registry is None
    assert [look.observation for look in asked.checks] == [SEEN, Unmeasured(FORBIDDEN.refusal.message)]


@on_virtual_time
async def test_what_git_says_is_told() -> None:
    world = World()
    world.git.answer = Unresolved(Reason.SourceNotFound, "There is no repository.", passing=False)
    assert (await world.ask()).source == Unreached(Reason.SourceNotFound, "There is no repository.")


@pytest.mark.parametrize("answer", [ImageAbsent(), ImageFound("sha256:" + "a" * 64), ImageArchived()])
@on_virtual_time
async def test_a_registry_that_answers_can_be_reached_whatever_it_answers(answer: ImageLookup) -> None:
    world = World()
    world.registry.answer = answer
    assert (await world.ask()).registry is None


@on_virtual_time
async def test_a_registry_that_cannot_be_asked_is_told() -> None:
    world = World()
    world.registry.answer = ImageUnknown(Reason.RepositoryNotFound, "There is no repository. Create it.")
    expected = Unreached(Reason.RepositoryNotFound, "There is no repository. Create it.")
    assert (await world.ask()).registry == expected


@on_virtual_time
async def test_a_builder_is_asked_if_the_brand_has_it() -> None:
    world = World()
    world.builder.answer = Unreached(Reason.BuilderMisconfigured, "There is no project.")
    assert (await world.ask(build=CODE_BUILD)).builder == world.builder.answer


@on_virtual_time
async def test_each_source_of_checks_is_looked_at_once_however_many_environments_look_at_it() -> None:
    world = World()
    asked = await world.ask(http(), http("slow", timeoutSeconds=9), environments=3)
    assert [(look.environment, look.check.name) for look in asked.checks] == [
        (environment, name) for environment in ("e0", "e1", "e2") for name in ("home", "slow")
    ]
    assert {look.observation for look in asked.checks} == {SEEN}
    assert len(world.http.asked) == 2


@on_virtual_time
async def test_checks_are_looked_at_a_few_at_a_time() -> None:
    world = World()
    world.http.slow = 1
    await world.ask(*(http(f"c{number}", timeoutSeconds=number + 1) for number in range(CHECKS_LIMIT)))
    assert len(world.http.asked) == CHECKS_LIMIT
    assert world.http.most == CHECKS_AT_ONCE


@on_virtual_time
async def test_a_check_has_its_secret_from_the_namespace_of_checks() -> None:
    world = World()
    await world.ask(prometheus("monitoring"))
    assert world.http.asked[0][1] == SECRETS["operator", "monitoring"]
    (look,) = (await world.ask(prometheus("nowhere"))).checks
    assert look.observation == Unmeasured(
        'There is no Secret "nowhere" in namespace "operator", which check errors names. Create it, or correct secretName.'
    )


@on_virtual_time
async def test_endpoints_are_told_of_where_the_brand_has_some() -> None:
    world = World()
    assert (await world.ask()).endpoints is None
    assert (await world.ask(endpoints=True)).endpoints is None
    world.endpoints.answer = []
    assert (await world.ask(endpoints=True)).endpoints == ()
    world.endpoints.answer = ["Slack is silent."]
    assert (await world.ask(endpoints=True)).endpoints == ("Slack is silent.",)


@on_virtual_time
async def test_nobody_is_waited_for_longer_than_the_limit_and_those_who_are_silent_are_told() -> None:
    world = World()
    for place in (world.git, world.registry, world.builder, world.http, world.endpoints):
        place.slow = 10_000
    checks = [http(f"c{number}", timeoutSeconds=number + 1) for number in range(CHECKS_LIMIT)]
    asked = await world.ask(*checks, build=CODE_BUILD, endpoints=True)
    assert asyncio.get_running_loop().time() <= QUESTION_SECONDS + 1
    parts = (asked.source, asked.registry, asked.builder)
    assert [part and part.reason for part in parts] == [
        Reason.SourceUnreachable,
        Reason.RegistryUnreachable,
        Reason.BuilderUnreachable,
    ]
    assert all(part and "has not answered in time. It is asked again" in part.message for part in parts)
    assert asked.endpoints is not None
    assert len(asked.endpoints) == 1
    assert all(isinstance(look.observation, Unmeasured) for look in asked.checks)


SOURCES: dict[str, dict[str, Any]] = {
    "http": {"url": "https://www.example.com/"},
    "prometheus": {"url": "https://p.example.com", "query": "up", "max": "1"},
    "elasticsearch": {"url": "https://logs.example.com", "index": "logs-*", "query": "level:error"},
    "cloudWatchAlarms": {"region": "us-east-2", "names": ["load"]},
    "cloudWatchMetric": {"region": "us-east-2", "namespace": "AWS/RDS", "metricName": "DBLoad", "max": "8"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_called_as_it_stands_in_the_brand(name: str) -> None:
    (check,) = brand({"name": "it", name: SOURCES[name]}).spec.environments[0].checks
    assert check.source_name == name
