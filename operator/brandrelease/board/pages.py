"""The pages as HTML. Jinja2 escapes every value; no template marks anything as safe."""

import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brandrelease.board.files import files_version
from brandrelease.board.held import BoardKey, Held
from brandrelease.core.board.glance import Glance
from brandrelease.core.board.story import Story
from brandrelease.core.board.wall import BrandSight, counts
from brandrelease.core.plain import plain
from brandrelease.core.words import several
from brandrelease.runbook import runbook

HELD_CARDS: Final = 4096
"""Cells that are kept as HTML: what has not changed is not written again, whoever asks for it."""

HELD_STORIES: Final = 64

ROOT: Final = "/board"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _ref(ref: str) -> str:
    """A branch by its name, as people call it; the rest in full."""
    return ref.removeprefix("refs/heads/")


def version(view: object) -> str:
    """The same for the same view, in every replica: by it a browser sees which parts of a page it has already."""
    return f"{zlib.crc32(repr(view).encode(errors='replace')):08x}"


def _plain(value: Any) -> Any:
    """What turns the reading direction or hides text is left out, whoever wrote it."""
    return plain(value) if type(value) is str else value


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("brandrelease.board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_plain,
    )
    made.filters.update(iso=_iso, utc=_utc, ref=_ref, several=several, version=version)
    made.globals.update(root=ROOT, files=files_version())
    return made


class Pages:
    """Writes pages, and the parts of them that have changed."""

    def __init__(self, held: Held, now: Callable[[], datetime], trouble: Callable[[], str], instance: str) -> None:
        """trouble: a sentence where what is held may be old, else empty. instance: the name of this replica."""
        self._held, self._now, self._trouble = held, now, trouble
        self._templates = _environment()
        self._card = lru_cache(HELD_CARDS)(self._write_card)
        self._story = lru_cache(HELD_STORIES)(self._write_story)
        self._wall: tuple[int, Markup] = (-1, Markup())
        self._reasons = {str(reason): told for reason, told in runbook().items()}
        self._templates.globals.update(instance=instance, explained=frozenset(self._reasons))
        self._templates.globals.update(words=self._templates.get_template("words.html").module)

    # --- whole pages --------------------------------------------------------------------------------------------------

    def overview(self, since: str, *, can_leave: bool) -> str:
        """Brands by environments. since: what the page's stream begins at."""
        return self._page("overview.html", self.wall(), title="Releases", page=ROOT, since=since, can_leave=can_leave)

    def brand(self, name: str, since: str, *, can_leave: bool) -> str | None:
        """One brand; None where nothing is known of it."""
        told = self.brand_parts(name)
        if told is None:
            return None
        page = f"{ROOT}/brands/{name}"
        return self._page("brand.html", told, title=name, page=page, since=since, can_leave=can_leave)

    def reason(self, name: str, *, can_leave: bool) -> str | None:
        """What a reason means; None where there is none of the name."""
        if name not in self._reasons:
            return None
        told = self._write("reason.html", name=name, paragraphs=self._reasons[name])
        return self._page("still.html", told, title=name, page="", since="", can_leave=can_leave)

    def login(self, page: str, *, refused: bool) -> str:
        """The form that asks for the token. page: where it leads to."""
        told = self._write("login.html", page=page, refused=refused)
        return self._page("still.html", told, title="Sign in", page="", since="", can_leave=False)

    def message(self, title: str, text: str) -> str:
        """A page that says one thing."""
        return self._page(
            "still.html",
            self._write("message.html", title=title, text=text),
            title=title,
            page="",
            since="",
            can_leave=False,
        )

    # --- what is inside of them ---------------------------------------------------------------------------------------

    def wall(self) -> Markup:
        """The inside of the overview. Written once for each change, however many ask for it."""
        revision = self._held.on_the_wall.revision
        if self._wall[0] != revision:
            wall = self._held.wall()
            html = self._write("wall.html", wall=wall, counts=counts(self._held.glances()), card=self._card)
            self._wall = (revision, html)
        return self._wall[1]

    def wall_parts(self, changed: Iterable[BoardKey]) -> Markup:
        """Those parts of the overview that have changed."""
        parts = [self._write("summary.html", counts=counts(self._held.glances()))]
        for key in changed:
            if isinstance(key, str):
                sight = self._held.brand(key)
                parts += [self._write("brand_head.html", brand=sight)] if sight else []
            elif (glance := self._held.glance(key)) is not None:
                parts.append(self._card(glance))
        return Markup().join(parts)

    def brand_parts(self, name: str) -> Markup | None:
        """The inside of a brand's page; None where nothing is known of the brand."""
        sight = self._held.brand(name)
        if sight is None:
            return None
        stories = sorted(self._held.stories(name), key=lambda each: (each.glance.environment, each.glance.key))
        ordered = sorted(stories, key=lambda each: _place(sight, each))
        return self._write("stories.html", brand=sight, stories=ordered, story=self._story)

    def story_parts(self, brand: str, changed: Iterable[BoardKey]) -> Markup:
        """Those parts of a brand's page that may have changed."""
        parts = []
        for key in changed:
            if key == brand and (sight := self._held.brand(brand)) is not None:
                parts.append(self._write("brand_trouble.html", brand=sight))
            elif isinstance(key, tuple) and (told := self._held.story(key)) is not None and told.glance.brand == brand:
                parts.append(self._story(told))
        return Markup().join(parts)

    def beat(self) -> dict[str, str]:
        """What is said now and then while nothing happens."""
        return {"now": _iso(self._now()), "trouble": self._trouble()}

    # ------------------------------------------------------------------------------------------------------------------

    def _write_card(self, glance: Glance) -> Markup:
        return self._write("card.html", glance=glance)

    def _write_story(self, story: Story) -> Markup:
        return self._write("story.html", story=story)

    def _page(self, template: str, inside: Markup, **values: Any) -> str:
        return self._templates.get_template(template).render(
            inside=inside, now=self._now(), trouble=self._trouble(), **values
        )

    def _write(self, template: str, **values: Any) -> Markup:
        # What Jinja2 has written is markup, in which every value is escaped.
        return Markup(self._templates.get_template(template).render(**values))  # noqa: S704


def _place(sight: BrandSight, story: Story) -> int:
    """In the order in which the Brand names its environments."""
    names = sight.environments
    return names.index(story.glance.environment) if story.glance.environment in names else len(names)
