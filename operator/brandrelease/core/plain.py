"""Text that anybody may have written, made safe to show. Pure."""

import re
import unicodedata
from typing import Final

_TERMINAL_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_TO_LOOK_AT: Final = re.compile(r"[^\x20-\x7e\n\t]")
"""Most logs are plain ASCII, and Python looks at their characters one by one only where it must."""

_LINE_END: Final = re.compile(r"\r\n?")
_JOINERS: Final = {"\u200c", "\u200d"}
"""Format characters that emoji and some scripts need; the others can turn the reading direction or hide text."""


def plain(text: str) -> str:
    """The text without characters that control a terminal or a reader's eye; line breaks and tabs stay.

    A carriage return is a line break: what a program writes over its own line, a log shows below it.
    """
    text = _LINE_END.sub("\n", _TERMINAL_SEQUENCE.sub("", text))
    return _TO_LOOK_AT.sub(lambda match: _shown(match.group()), text)


def line(text: str) -> str:
    """The same on one line, for what stands in a sentence."""
    return " ".join(plain(text).split())


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in _JOINERS
    return "" if hidden else character
