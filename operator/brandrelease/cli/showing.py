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


class Show(Protocol):
    """Shows a release each time that it is looked at. trouble: what is to be known besides."""

    def see(self, release: BrandRelease, trouble: str | None) -> None: ...


class Nothing:
    """For a program that reads the object at the end."""

    def see(self, release: BrandRelease, trouble: str | None) -> None:
        pass


class Screen:
    """For a person: the whole terminal, drawn anew; what was there before comes back at the end, as after `less`."""

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

    def __init__(self, at: Session) -> None:
        self._at, self._last = at, ""
        self._since = self._told = at.clock.now()

    def see(self, release: BrandRelease, trouble: str | None) -> None:
        now, phase = self._at.clock.now(), phase_text(release.status.phase).plain
        text = f"{phase:<12} {line(trouble or message(release))}"
        if text != self._last:
            self._last, self._since = text, now
            self._tell(text, now)
        elif now - self._told >= STILL:
            self._tell(f"{phase:<12} still, for {seconds((now - self._since).total_seconds())}", now)

    def _tell(self, text: str, now: datetime) -> None:
        self._told = now
        self._at.terminal.line(f"{now:%H:%M:%SZ}  {text}")
