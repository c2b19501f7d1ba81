"""The operator is killed before and after each single write of a release, and every time it all comes to the same end.

The writes are not listed here: a learning run without any fault tells them, so that a new one is covered by itself.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

import pytest

from apiserver.kinds_of_requests import kind_of
from apiserver.row_of_brands import Row, created, differences, images_of_numbers
from support.fault_proxy import Request

REPETITIONS: Final = int(os.environ.get("CRASH_REPETITIONS", "1"))
LIMIT: Final = 300 * REPETITIONS

HOOKS: Final = {"preDeploy": {"command": ["migrate"], "timeoutSeconds": 60}}
CONFLICT: Final = 409
"""What was refused because the Deployment's status was written in that moment, and is sent again."""

STATUS: Final = "PUT brandreleases/status"

MATRIX: Final = 100
"""Numbers of the brands that are killed at; those below are of the learning run."""


@dataclass(frozen=True)
class Story:
    """A release from beginning to end, after what went before it.

    writes: so many there are at least. slots: tests that share them.
    """

    name: str
    slots: int
    writes: int
    outcome: str

    def __str__(self) -> str:
        return self.name

    @property
    def is_good(self) -> bool:
        return self.outcome == "Succeeded"

    def given(self, row: Row, numbers: list[int]) -> None:
        """What goes before a bad release: a good one that runs."""
        if self.is_good:
            return
        for number in numbers:
            row.brand(number, build={"external": {}}, restartLimit=0, progressDeadlineSeconds=60)
        row.runs(numbers)
        before = {number: row.push(number, image=True) for number in numbers}
        for number in numbers:
            row.release(number)
        for number, commit in before.items():
            row.ends(number, commit, "Succeeded")
        row.is_quiet()

    def begin(self, row: Row, number: int) -> str:
        """The release is asked for; a good one is the first of its brand. The commit."""
        if self.is_good:
            row.brand(number, build={"buildKit": {}}, hooks=HOOKS)
            row.runs([number])
            row.until("its Brand is ready", lambda: not row.operator.runs or row.brand_is_ready(number))
        commit = row.push(number, image=not self.is_good, bad=not self.is_good)
        row.release(number)
        return commit


STORIES: Final = (
    Story("a build, a migration and a rollout", 2, 15, "Succeeded"),
    Story("a bad release and the way back", 1, 8, "RolledBack"),
)


@dataclass(frozen=True)
class Point:
    """One write of a story: the so many-th of its kind, from 1."""

    kind: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.kind} no. {self.occurrence}"


@dataclass(frozen=True)
class Learned:
    """The writes of a run without a fault, and its end."""

    points: tuple[Point, ...]
    end: dict[str, Any]


def learn(row: Row, story: Story, number: int) -> Learned:
    begin = time.monotonic()
    commit = story.begin(row, number)
    row.ends(number, commit, story.outcome)
    row.is_quiet()
    made = (each for each in row.proxy.since(begin) if each.is_write and each.applied != CONFLICT)
    writes = [kind_of(each) for each in made if row.about(number)(each)]
    points = tuple(Point(kind, writes[:place].count(kind) + 1) for place, kind in enumerate(writes))
    return Learned(points, row.end_state(number))


@pytest.mark.timeout(LIMIT, func_only=True)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("story", "slot"), [(story, slot) for story in STORIES for slot in range(story.slots)], ids=str
)
def test_killed_at_any_write_it_comes_to_the_same_end(row: Row, story: Story, when: str, slot: int) -> None:
    row.operator.start()
    story.given(row, [0])
    learned = learn(row, story, 0)
    assert len(learned.points) >= story.writes, learned.points
    points = [point for place, point in enumerate(learned.points) if place % story.slots == slot] * REPETITIONS
    trials = dict(enumerate(points, MATRIX))
    story.given(row, list(trials))

    begin = time.monotonic()
    met = [kill_at(row, story, number, point, when, learned.end) for number, point in trials.items()]
    print(f"{len(trials)} of {len(learned.points)} writes, killed {when} each: {time.monotonic() - begin:.1f} s")
    row.is_quiet()
    missed = [point for point, was_met in zip(points, met, strict=True) if not was_met]
    # Who is late to look has one message less to write, that a pod is waited for: there is no last write of the status then.
    last = [point for point in learned.points if point.kind == STATUS][-1]
    assert missed in ([], [last]), missed
    for number, point in trials.items():  # also what came after it did no harm to it
        assert not differences(row.end_state(number), learned.end), f"killed {when} {point}"

    requests = row.proxy.since(0)
    jobs = Counter(created(requests, "/jobs"))
    assert len(jobs) == ((1 + len(trials)) * 2 if story.is_good else 0), jobs  # a build and a migration each
    assert set(jobs.values()) <= {1}, jobs
    assert set(row.cluster.commands.values()) <= {1}, row.cluster.commands
    assert not {each for each, images in images_of_numbers(requests).items() if len(images) > 1}


def kill_at(row: Row, story: Story, number: int, point: Point, when: str, end: dict[str, Any]) -> bool:
    """Kill the operator at this write, and wait until all has come to its end. Whether there was such a write."""
    about, seen, dead = row.about(number), Counter[str](), Event()

    def is_the_write(request: Request) -> bool:
        if not request.is_write or not about(request):
            return False
        seen[kind_of(request)] += 1
        return (kind_of(request), seen[kind_of(request)]) == (point.kind, point.occurrence)

    def kill() -> None:
        row.operator.kill()
        dead.set()

    how: dict[str, Any] = (
        {"lose_request": True, "before": kill} if when == "before" else {"lose_answer": True, "after": kill}
    )
    with row.proxy.fault(is_the_write, times=1, **how):
        commit = story.begin(row, number)
        row.until(
            f"it is killed at {point}, or is through",
            lambda: dead.is_set() or row.is_quiet_about(number, commit),
        )
    if dead.is_set():
        row.operator.start()
    row.ends(number, commit, story.outcome)
    deadline = time.monotonic() + 5
    while (wrong := differences(row.end_state(number), end)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not wrong, f"killed {when} {point}"
    return dead.is_set()
