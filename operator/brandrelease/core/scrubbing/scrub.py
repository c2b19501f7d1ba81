"""Logs without secrets and without ballast, fit for a status and an Event. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from brandrelease.core.plain import plain
from brandrelease.core.scrubbing.secret_forms import SHORTEST, forms
from brandrelease.core.scrubbing.secret_patterns import MASK, without_lookalikes
from brandrelease.core.words import cut_middle

LINES: Final = 20
SIZE: Final = 2048
"""Bytes of UTF-8."""

_LEAST: Final = 80
"""Bytes. Less of a line than this tells nothing."""

_HIDDEN: Final = re.compile(rb"\x01+")


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced by `***`; control characters go too, since one could part a secret.

    secrets: values of Secrets. Those of 5 characters and more are taken out in every form that `forms` knows, and then
    whatever looks like a secret by itself. The result is at most three times as long as the text.
    """
    text = plain(text)
    return without_lookalikes(_without(text, frozenset(form for value in secrets for form in forms(value))))


def last_lines(text: str, lines: int = LINES, size: int = SIZE) -> str:
    """The last lines of a log, at most so many and in at most so many bytes of UTF-8, without control characters.

    The oldest go first. A line that has no room is cut in its middle: its beginning says what went wrong, and the end of
    a long one often why (a cause, or the innermost call).
    """
    kept: list[str] = []
    for line in reversed(plain(text).rstrip().split("\n")[-lines:]):
        need = len(line.encode()) + bool(kept)
        if need > size:
            if not kept or size > _LEAST:
                kept.append(cut_middle(line, size - bool(kept)))
            break
        kept.append(line)
        size -= need
    return "\n".join(reversed(kept))


def _without(text: str, needles: frozenset[str]) -> str:
    """The text with the needles masked. All are looked for in the text as it was, so overlapping ones go whole."""
    beginnings = {text[place : place + SHORTEST] for place in range(len(text))}  # few needles are in a text at all
    hidden = bytearray(len(text))
    for needle in needles:
        place = text.find(needle) if needle[:SHORTEST] in beginnings else -1
        while place >= 0:
            end = place + len(needle)
            hidden[place:end] = b"\x01" * len(needle)
            place = text.find(needle, end)
    parts, shown_from = [], 0
    for span in _HIDDEN.finditer(hidden):
        parts += [text[shown_from : span.start()], MASK]
        shown_from = span.end()
    return "".join([*parts, text[shown_from:]])
