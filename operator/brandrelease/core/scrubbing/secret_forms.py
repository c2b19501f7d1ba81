"""In which forms the value of a Secret can turn up in a log. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

from brandrelease.core.plain import plain

SHORTEST: Final = 5
"""Characters. A shorter value is as likely a port or a flag, and would be found in every other line."""

_ASSIGNMENT: Final = re.compile(r"""(?:export )?["']?[\w.-]{1,128}["']?\s{0,8}(?:=>|[=:])\s{0,8}(?!//)(.+)""")
"""A line of a dotenv file, of YAML, of an ini file or of a PHP array."""

_LOGIN: Final = re.compile(r"://[^\s/:]*:([^\s/]+)@")
"""The password in an address."""

_PERCENT: Final = re.compile(r"%[0-9A-F]{2}")


def forms(value: str) -> frozenset[str]:
    """Every text that gives the value away: it and its parts, each as written, in base64, in a URL and in JSON."""
    pieces = {piece for raw in (value, plain(value)) for piece in _pieces(raw)}
    return frozenset(form for piece in pieces for form in _encoded(piece) if len(form) >= SHORTEST)


def _pieces(value: str) -> Iterator[str]:
    """The value, each line of it, and what its lines, its JSON or its login assign."""
    lines = [value, *value.splitlines()] if len(value.splitlines()) > 1 else [value]
    found = [*lines, *_assigned(lines), *_json_texts(value), *_passwords(value)]
    found += [decoded for text in found for decoded in _decoded(text)]
    yield from (piece for text in found if len(piece := text.strip()) >= SHORTEST)


def _assigned(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if match := _ASSIGNMENT.fullmatch(line.strip().rstrip(",;")):
            assigned = match[1]
            yield assigned
            yield assigned.strip("\"'")
            yield assigned.split(" #")[0].strip().strip("\"'")


def _passwords(value: str) -> Iterator[str]:
    """Those in addresses: DATABASE_URL and its like."""
    for password in _LOGIN.findall(value):
        yield password
        yield unquote(password)


def _json_texts(value: str) -> Iterator[str]:
    """Every string in a value that is JSON; of a docker login, for example, the user and the password."""
    try:
        left: list[Any] = [json.loads(value)]
    except (ValueError, RecursionError):
        return
    while left:
        match left.pop():
            case str() as text:
                yield text
            case list() as entries:
                left += entries
            case dict() as fields:
                left += fields.values()


def _decoded(text: str) -> Iterator[str]:
    """What the text means if it is base64, and the password if that is a login (`user:password`)."""
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode()
    except (ValueError, binascii.Error):
        return
    if decoded.isprintable():
        yield decoded
        yield decoded.partition(":")[2]


def _encoded(piece: str) -> Iterator[str]:
    yield piece
    yield from _base64(piece.encode(errors="ignore"))
    escaped = json.dumps(piece)[1:-1]
    for text in (escaped, json.dumps(piece, ensure_ascii=False)[1:-1]):
        yield text
        yield text.replace("/", "\\/")  # as PHP's json_encode writes it
    # RFC 3986, a form of HTML, JavaScript's encodeURIComponent, and a path.
    for in_url in (
        quote(piece, "", errors="ignore"),
        quote_plus(piece, errors="ignore"),
        quote(piece, "!*'()", errors="ignore"),
        quote(piece, errors="ignore"),
    ):
        yield in_url
        yield _PERCENT.sub(lambda match: match.group().lower(), in_url)


def _base64(piece: bytes) -> Iterator[str]:
    """Three characters stand for three bytes, so the piece looks different behind 0, 1 and 2 other bytes.

    Characters that also depend on what stands before or after are left out: those in between give the piece away.
    """
    for before in range(3):
        text = base64.b64encode(bytes(before) + piece).decode().rstrip("=")
        own = text[(0, 2, 3)[before] : len(text) - ((before + len(piece)) % 3 > 0)]
        yield own
        yield own.replace("+", "-").replace("/", "_")
