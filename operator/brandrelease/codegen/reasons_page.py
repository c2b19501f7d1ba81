"""docs/reasons.md: people write what to do, and what the code knows of each reason is put under its heading.

That is whose doing it is, what follows for the commit, when it counts, and the list of all. The same text lies in the
package, where `brandrelease explain` finds it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.codegen.verdicts import when
from brandrelease.core.blame import BLAME
from brandrelease.core.health.chain import CHAIN

INDEX: Final = "## All reasons\n"
PARTS: Final = ("Means:", "Look at:", "Do:")
"""How the paragraphs of an entry begin, in this order."""

_KNOWN: Final = "Blame: "
_ENTRY: Final = re.compile(rf"(?m)^### (\S+)\n\n(?:{_KNOWN}[^\n]*\n\n)?")
_HEADING: Final = re.compile(r"(?m)^(##+) (.+)$")

_OWN_BLAME_BESIDE_IT: Final = frozenset({Reason.RollbackFailed, Reason.MissingRollbackTarget})
"""Ends of a release that has failed for something else before: what follows for the commit follows from that."""


class EntryError(ValueError):
    """An entry is missing, there twice, about no reason, or lacks a part."""


def completed(page: str) -> str:
    """The page with what the code knows; raises EntryError. A page that is complete stays as it is."""
    _check(page)
    head, _, rest = page.partition(INDEX)
    _, _, groups = rest.partition("\n## ")
    body = _ENTRY.sub(lambda found: f"### {found[1]}\n\n{_known(Reason(found[1]))}\n\n", f"\n## {groups}")
    return f"{head}{INDEX}\n{''.join(_index(body))}{body}"


def _check(page: str) -> None:
    counted = Counter(re.findall(r"(?m)^### (.+)$", page))
    if missing := [reason for reason in Reason if reason not in counted]:
        raise EntryError(f"docs/reasons.md has no entry for {', '.join(missing)}: write one, with {_parts()}.")
    if wrong := [name for name, times in counted.items() if times > 1 or name not in set(Reason)]:
        raise EntryError(f"docs/reasons.md has entries twice, or for what is no reason: {', '.join(wrong)}.")
    for name, text in re.findall(r"(?ms)^### (\S+)\n(.*?)(?=^##|\Z)", page):
        places = [text.find(f"\n{part}") for part in PARTS]
        if -1 in places or places != sorted(places):
            raise EntryError(f"docs/reasons.md: the entry {name} must have {_parts()}, in this order.")


def _parts() -> str:
    return ", ".join(f'a paragraph that begins with "{part}"' for part in PARTS)


def _known(reason: Reason) -> str:
    """One line about a reason."""
    attribution = BLAME.get(reason)
    if attribution is None:
        return f"{_KNOWN}nobody. No release fails for it."
    counts = dict.fromkeys(when(rule.timing) for rule in CHAIN if rule.reason is reason)
    seen = f" Counts {' or '.join(counts)}." if counts else ""
    return f"{_KNOWN}{attribution.blame} ({attribution.why}).{seen} {_consequence(reason, attribution.blame)}"


def _consequence(reason: Reason, blame: Blame) -> str:
    if reason in _OWN_BLAME_BESIDE_IT:
        return "What follows for the commit follows from that."
    match blame:
        case Blame.Release:
            ran = any(rule.reason is reason for rule in CHAIN)
            return "The commit is quarantined." if ran else "The commit is quarantined if its pods ran."
        case Blame.Platform:
            return "The commit is not quarantined, and is tried again by itself."
        case Blame.Unknown:
            return "The commit is not quarantined, and nothing is tried by itself."


def _index(body: str) -> Iterator[str]:
    """A line for each group, with its reasons."""
    line = ""
    for level, title in _HEADING.findall(body):
        if level == "##":
            yield f"{line}\n" if line else ""
            line = f"- **{title}**:"
        else:
            line += f"{'' if line.endswith(':') else ','} [{title}](#{title.lower()})"
    yield f"{line}\n"
