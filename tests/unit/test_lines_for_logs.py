"""What a log shows of a release that is followed: each change once, a word a minute, and never what stood there before."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.session import Session
from brandrelease.cli.showing import Lines
from support.released import NOW, released


@dataclass
class Log:
    """The terminal and the clock of a session."""

    moment: datetime = NOW
    lines: list[str] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return Session(cast("Any", None), cast("Any", self), self)

    def now(self) -> datetime:
        return self.moment

    def line(self, text: str) -> None:
        self.lines.append(text)

    def later(self, seconds: float) -> None:
        self.moment = NOW + timedelta(seconds=seconds)


LIVE = released("Live", says="Release 1 is live.")
BUILDING = released("Building", says="It is\nbeing built.")


def test_each_change_is_one_line_and_is_told_once() -> None:
    log = Log()
    shown = Lines(log.session)
    for seen in (LIVE, LIVE, BUILDING, BUILDING):
        shown.see(seen, None)
    assert log.lines == ["03:00:00Z  Live         Release 1 is live.", "03:00:00Z  Building     It is being built."]
    assert shown.told.endswith(" It is being built.")


def test_what_stood_there_before_is_not_taken_for_the_answer() -> None:
    log = Log()
    shown = Lines(log.session, LIVE)
    shown.see(LIVE, None)
    assert log.lines == []
    shown.see(BUILDING, None)
    shown.see(LIVE, None)
    assert len(log.lines) == 2


def test_what_stays_as_it_was_is_told_after_a_while() -> None:
    log = Log()
    shown = Lines(log.session, LIVE)
    shown.see(LIVE, None)
    log.later(4)
    shown.see(LIVE, None)
    assert log.lines == ["03:00:04Z  Live         Release 1 is live."]


def test_a_log_in_which_nothing_happens_says_so_once_a_minute() -> None:
    log = Log()
    shown = Lines(log.session)
    for second in range(150):
        log.later(second)
        shown.see(BUILDING, None)
    assert log.lines[1:] == [
        "03:01:00Z  Building     still, for 60 s",
        "03:02:00Z  Building     still, for 2 min",
    ]


def test_a_cluster_that_does_not_answer_is_told_once() -> None:
    log = Log()
    shown = Lines(log.session)
    release: BrandRelease = BUILDING
    for trouble in (
        None,
        "The cluster does not answer; asking again.",
        "The cluster does not answer; asking again.",
        None,
    ):
        shown.see(release, trouble)
    assert [line.split("  ", 1)[1] for line in log.lines] == [
        "Building     It is being built.",
        "Building     The cluster does not answer; asking again.",
        "Building     It is being built.",
    ]
