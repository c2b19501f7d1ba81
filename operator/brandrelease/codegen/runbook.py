"""operator/brandrelease/runbook.json: what docs/reasons.md says of each reason, for `explain` and the board."""

import json
import re
from typing import Final

from brandrelease.apis.reasons import Reason

_LINK: Final = re.compile(r"\[([^\[\]]*)\]\([^()\n]*\)")
_EMPHASIS: Final = re.compile(r"\*\*([^*]+)\*\*")


def runbook_of(page: str) -> str:
    """The paragraphs of each reason in the text of docs/reasons.md. Words in backquotes stay so; links become their words."""
    told: dict[str, list[str]] = {}
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        title, _, rest = section.partition("\n")
        if title.strip() in set(Reason):
            paragraphs = _paragraphs(re.split(r"^#{1,2} ", rest, maxsplit=1, flags=re.MULTILINE)[0])
            told[title.strip()] = sorted(paragraphs, key=_is_about_blame)
    return json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _is_about_blame(paragraph: str) -> bool:
    """Whoever is woken up asks what it means and what to do; whose doing it was comes last."""
    return paragraph.startswith("Blame: ")


def _paragraphs(text: str) -> list[str]:
    """Each on one line; of a block of commands, each line by itself, as code."""
    found: list[str] = []
    for number, block in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        if number % 2:
            found += [f"`{line.strip()}`" for line in block.splitlines() if line.strip()]
        else:
            found += [_plain(each) for each in re.split(r"\n\s*\n|\n(?=\s*[-*] )", block) if each.strip()]
    return found


def _plain(paragraph: str) -> str:
    return _EMPHASIS.sub(r"\1", _LINK.sub(r"\1", " ".join(paragraph.split()))).removeprefix("- ")
