"""The port `Turns`: at most so many builds at the same time, and those that wait are woken when it is their turn.

Kept in memory alone. After a restart `seed` tells of the builds that run already; those that waited ask anew.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.controller.work_queue import Key
from brandrelease.core.builds.fairness import PRODUCTION, BuildInFlight, Line, next_line
from brandrelease.core.builds.images import EXTERNAL, BuildOrder
from brandrelease.core.builds.seen import Turn


@dataclass(slots=True)
class _Build:
    """A build that has a place. holders: who waits for it; the first got the place, the others have joined."""

    brand: str
    holders: list[Key] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A release in its line. since: the moment at which it asked first."""

    build: str
    since: int


@dataclass(slots=True)
class _Line:
    """Releases of one brand that wait, in the order in which they asked. last_turn: when one of them got a place."""

    waiting: dict[Key, _Waiting] = field(default_factory=dict)
    last_turn: int = 0

    @property
    def since(self) -> int:
        return max(next(iter(self.waiting.values())).since, self.last_turn)


LineId = tuple[str, bool]
"""Brand, and whether it is for production."""


class BuildTurns:
    """Places for builds. A release holds its place until it tells that it has no build in flight any more.

    While anybody waits, no place is free: a place that becomes free belongs at once to the release whose turn it is,
    which is then woken. So whoever asks in between cannot take it away.
    """

    def __init__(self, limit: int, wake: Callable[[Key], None]) -> None:
        """limit: how many builds have a place at the same time. wake: asks for a pass over a BrandRelease."""
        self._limit, self._wake = limit, wake
        self._builds: dict[str, _Build] = {}
        self._held: dict[Key, str] = {}
        self._lines: dict[LineId, _Line] = {}
        self._line_of: dict[Key, LineId] = {}
        self._moments = count(1)

    def building(self) -> int:
        """How many builds have a place."""
        return len(self._builds)

    def waiting(self) -> int:
        """How many releases wait for their turn."""
        return len(self._line_of)

    def holders(self, name: str) -> tuple[Key, ...]:
        """The BrandReleases that wait for the build of this name."""
        build = self._builds.get(name)
        return tuple(build.holders) if build else ()

    def seed(self, builds: Iterable[BuildInFlight]) -> None:
        """Builds that were started before this process: their places are taken, even if they are more than the limit.

        Each of their releases is woken: one that was deleted meanwhile would otherwise never give its place back.
        """
        for build in builds:
            key = Key(build.namespace, build.name)
            self._hold(key, build.build, build.brand)
            self._wake(key)

    def ask(self, release: BrandRelease, order: BuildOrder) -> Turn:
        """Whether the build may start now. Asking again for the same build gives the same answer, or a better one."""
        key = Key(release.namespace, release.name)
        if order.builder == EXTERNAL:
            self._settle(key, None)
            return Turn(granted=True, limit=self._limit)
        if self._held.get(key) != order.name:
            self._let_go(key)
            self._stand_in_line(key, (order.brand, release.spec.environment == PRODUCTION), order.name)
            if order.name in self._builds:
                self._join(key)
            self._give_turns(asking=key)
        if key not in self._held:
            return Turn(granted=False, limit=self._limit)
        joins = self._builds[order.name].holders[0] != key
        return Turn(granted=True, limit=self._limit, joins=joins)

    def tell(self, release: BrandRelease, order: BuildOrder | None) -> None:
        """Which build the BrandRelease has in flight now; None: it has none and waits for none.

        What is told is so: a build in flight has a place, even if it is one more than the limit allows.
        """
        self._settle(Key(release.namespace, release.name), order if order and order.builder != EXTERNAL else None)

    def forget(self, namespace: str, name: str) -> None:
        """The BrandRelease is gone: others get its place, and nobody waits for it in a line."""
        self._settle(Key(namespace, name), None)

    def _settle(self, key: Key, order: BuildOrder | None) -> None:
        if self._held.get(key) != (order.name if order else None) or key in self._line_of:
            self._let_go(key)
            self._leave_line(key)
            if order:
                self._hold(key, order.name, order.brand)
                self._wake_all(self._join_all(order.name))
            self._give_turns()

    # --- places -------------------------------------------------------------------------------------------------------

    def _hold(self, key: Key, name: str, brand: str) -> None:
        self._held[key] = name
        self._builds.setdefault(name, _Build(brand)).holders.append(key)

    def _let_go(self, key: Key) -> None:
        if name := self._held.pop(key, None):
            self._builds[name].holders.remove(key)
            if not self._builds[name].holders:
                del self._builds[name]

    # --- lines --------------------------------------------------------------------------------------------------------

    def _stand_in_line(self, key: Key, line: LineId, build: str) -> None:
        """One that waits already keeps its place in the line, also if it is another build now that it waits for."""
        if self._line_of.get(key) != line:
            self._leave_line(key)
            self._line_of[key] = line
        waiting = self._lines.setdefault(line, _Line()).waiting
        waiting[key] = _Waiting(build, waiting[key].since if key in waiting else next(self._moments))

    def _leave_line(self, key: Key) -> None:
        if line := self._line_of.pop(key, None):
            del self._lines[line].waiting[key]
            if not self._lines[line].waiting:
                del self._lines[line]

    # --- turns --------------------------------------------------------------------------------------------------------

    def _give_turns(self, asking: Key | None = None) -> None:
        """Free places go to those whose turn it is; all of them but the one that is just asking are woken."""
        while len(self._builds) < self._limit and (line := next_line(self._standings())):
            had_turn = self._turn_of((line.brand, line.production))
            self._wake_all(key for key in had_turn if key != asking)

    def _standings(self) -> Iterable[Line]:
        building = Counter(build.brand for build in self._builds.values())
        for (brand, production), line in self._lines.items():
            yield Line(brand, production, building[brand], line.since)

    def _turn_of(self, line: LineId) -> list[Key]:
        """The first in the line gets a place; whoever waits for the same build gets it along with that."""
        self._lines[line].last_turn = next(self._moments)
        key, waiting = next(iter(self._lines[line].waiting.items()))
        self._join(key)
        return [key, *self._join_all(waiting.build)]

    def _join_all(self, build: str) -> list[Key]:
        """Whoever waits for a build that has a place by now needs none of its own. Looks through all that wait, once a build."""
        joining = [key for line in self._lines.values() for key, each in line.waiting.items() if each.build == build]
        for key in joining:
            self._join(key)
        return joining

    def _join(self, key: Key) -> None:
        """From its line to its build."""
        line = self._line_of[key]
        build = self._lines[line].waiting[key].build
        self._leave_line(key)
        self._hold(key, build, brand=line[0])

    def _wake_all(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._wake(key)
