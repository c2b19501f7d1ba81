"""What docs/reasons.md says of each reason, for `explain` and for the board: the package has no docs/."""

import json
from functools import cache
from importlib import resources

from brandrelease.apis.reasons import Reason


@cache
def runbook() -> dict[Reason, tuple[str, ...]]:
    """The paragraphs of each entry: plain text, in which commands and names stand in backquotes."""
    told = json.loads(resources.files("brandrelease").joinpath("runbook.json").read_text("utf-8"))
    return {Reason(name): tuple(paragraphs) for name, paragraphs in told.items()}
