"""The files of the board that are served as they are."""

import zlib
from importlib import resources
from typing import Final

FILES: Final = {"board.css": "text/css", "board.js": "text/javascript", "board.svg": "image/svg+xml"}
"""With the type of each."""


def read(name: str) -> bytes:
    """One of them."""
    return resources.files("brandrelease.board").joinpath("static", name).read_bytes()


def files_version() -> str:
    """Changes with the files, so that a browser may keep each version for ever."""
    return f"{zlib.crc32(b''.join(read(name) for name in sorted(FILES))):08x}"
