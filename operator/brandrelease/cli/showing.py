"""The ways in which a release is shown while it goes on."""

from datetime import datetime, timedelta
from typing import Final, Protocol, Self

from rich.live import Live

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.seen_pods import SeenPods
from brandrelease.cli.session import Session
from brandrelease.cli.standing import message
from brandrelease.cli.terminal import phase_text
from brandrelease.cli.view import live_view
from brandrelease.core.plain import line
from brandrelease.core.words import seconds

STILL: Final = timedelta(seconds=60)
"""A log that is silent for longer looks like a command that hangs, and some CI systems end it."""


ANSWERS: Final = timedelta(seconds=3)
"""Within so long the operator takes a wish up, mostly; what stood there before would be taken for its answer."""


class Show(Protocol):
    """Shows a release each time that it is looked at. trouble: what is to be known besides. told: what stays to be read."""

    told: str

    def see(self, release: BrandRelease, trouble: str | None) -> None: ...


class Nothing:
    """For a program that reads the object at the end."""

    told = ""

    def see(self, release: BrandRelease, trouble: str | None) -> None:
        pass


class Screen:
    """For a person: the whole terminal, drawn anew; what was there before comes back at the end, as after `less`."""

    told = ""

    def __init__(self, at: Session, pods: SeenPods) -> None:
        self._at, self._pods = at, pods
        self._live = Live(console=at.terminal.console, auto_refresh=False, screen=True, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def see(self, release: BrandRelease, trouble: str | None) -> None:
        self._live.update(live_view(release, self._at.clock.now(), self._pods.of(release), trouble), refresh=True)


class Lines:
    """For a log: a line whenever the phase or the message changes, and one a minute while they do not."""

    def __init__(self, at: Session, before: BrandRelease | None = None) -> None:
        """before: what stood there when something was asked for."""
        self._at, self.told, self._before = at, "", _text(before) if before else None
        self._begun = self._since = self._spoke = at.clock.now()

    def see(self, release: BrandRelease, trouble: str | None) -> None:
        now, text = self._at.clock.now(), _text(release, trouble)
        if text == self._before and now - self._begun < ANSWERS:
            return
        if text != self.told:
            self.told, self._since, self._before = text, now, None
            self._tell(text, now)
        elif now - self._spoke >= STILL:
            still = f"still, for {seconds((now - self._since).total_seconds())}"
            self._tell(f"{phase_text(release.status.phase).plain:<12} {still}", now)

    def _tell(self, text: str, now: datetime) -> None:
        self._spoke = now
        self._at.terminal.line(f"{now:%H:%M:%SZ}  {text}")


def _text(release: BrandRelease, trouble: str | None = None) -> str:
    return f"{phase_text(release.status.phase).plain:<12} {line(trouble or message(release))}"
