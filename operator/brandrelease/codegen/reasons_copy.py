"""`docs/reasons.md` for the command `explain`: the package has no docs/, and a terminal has no links."""

import re
from typing import Final

NOTE: Final = "<!-- Generated from docs/reasons.md by 'make generate'; do not edit. -->\n"
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)\n]+\)")


def reasons_copy(page: str) -> str:
    """The page, each link as its words."""
    return NOTE + _LINK.sub(r"\1", page)
