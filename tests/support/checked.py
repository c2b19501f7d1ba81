"""Stories of releases with checks: the sources, what they find, and shorthands for telling them."""

from datetime import UTC, datetime
from decimal import Decimal

from brandrelease.apis.verification import CheckBaseline, CheckProgress
from brandrelease.core.checks.measured import (
    AlarmSeen,
    AlarmsSeen,
    AlarmState,
    HttpAnswer,
    HttpSeen,
    NumberSeen,
    Observation,
    Unmeasured,
)
from support.simulation import Behaviour
from support.story import Story

LONG_AGO = datetime(2025, 12, 31, tzinfo=UTC)

PAGE = {"name": "home-page", "http": {"url": "https://www.drumeo.com/", "podPort": 80}, "intervalSeconds": 5}
ERRORS = {
    "name": "errors",
    "elasticsearch": {"url": "https://logs.example.com", "index": "logs-*", "query": "level:error", "minCount": 10},
    "intervalSeconds": 5,
}
ALARMS = {
    "name": "database",
    "cloudWatchAlarms": {"region": "us-east-2", "names": ["aurora-load"]},
    "onFailure": "Rollback",
    "intervalSeconds": 5,
}

GOOD = HttpSeen(HttpAnswer(200, 0.1), (("pod-1", HttpAnswer(200, 0.05)),))
BROKEN = HttpSeen(HttpAnswer(500, 0.1), (("pod-1", HttpAnswer(500, 0.05)),))
EDGE_IS_BROKEN = HttpSeen(HttpAnswer(502, 0.1), (("pod-1", HttpAnswer(200, 0.05)),))
DOWN = Unmeasured("Elasticsearch at https://logs.example.com does not answer. It is asked again.")


def lines(count: int) -> Observation:
    return NumberSeen(Decimal(count))


def alarm(state: AlarmState, since: datetime | None = None) -> Observation:
    return AlarmsSeen((AlarmSeen("aurora-load", state, since, "Threshold Crossed: 9.1 > 8.0."),))


def story(*checks: dict[str, object], **says: Observation) -> Story:
    """A site whose release 0 runs, with these checks; says: what they find, by name with _ for -."""
    world = Story(checks=list(checks))
    world.measurements.says = {name.replace("_", "-"): seen for name, seen in says.items()}
    return world


def begin(world: Story, name: str = "one", behaviour: Behaviour = Behaviour.Good) -> str:
    commit = world.push("master", name, behaviour)
    world.ask("master")
    return commit


def now_says(world: Story, **says: Observation) -> None:
    world.measurements.says |= {name.replace("_", "-"): seen for name, seen in says.items()}


def progress(world: Story) -> CheckProgress:
    assert world.current.verification is not None
    [entry] = world.current.verification.checks
    return entry


def baseline(world: Story) -> CheckBaseline:
    [entry] = world.current.baseline
    return entry
