"""Every regular expression of the package, as the import of all its modules compiles them, and strings made to hurt it."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import _constants as constants  # type: ignore[attr-defined]  # the parser that `re` itself uses
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

import brandrelease

PACKAGE: Final = Path(brandrelease.__file__).parent


@dataclass(frozen=True)
class Found:
    """A pattern, and where it stands."""

    module: str
    pattern: str | bytes
    flags: int
    whole: bool = False
    """Only ever matched from the beginning of a text (match, fullmatch), as far as can be seen."""

    @property
    def compiled(self) -> re.Pattern[Any]:
        return re.compile(self.pattern, self.flags)

    def __str__(self) -> str:
        shown = self.pattern if isinstance(self.pattern, str) else self.pattern.decode("latin-1")
        return f"{self.module}: {' '.join(shown.split())[:60]}"


@cache
def all_patterns() -> tuple[Found, ...]:
    """Those that are compiled when modules are imported, and those that stand in a call such as re.sub(r"...")."""
    listed = subprocess.run(
        [sys.executable, "-c", "from support.patterns import record; record()"],
        check=True,
        capture_output=True,
        timeout=60,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": "/usr/bin:/bin"},
    )
    compiled = [Found(module, _read(text), flags, whole) for module, text, flags, whole in json.loads(listed.stdout)]
    return tuple(dict.fromkeys([*compiled, *_in_calls()]))


def _read(text: list[str]) -> str | bytes:
    kind, content = text
    return content.encode("latin-1") if kind == "bytes" else content


def record() -> None:
    """In a process of its own: import everything and print what was compiled by whom."""
    found: list[tuple[str, list[str], int]] = []
    original = re.compile

    def recording(pattern: Any, flags: Any = 0) -> Any:
        made = original(pattern, flags)
        frame = sys._getframe(1)
        if str(frame.f_globals["__name__"]).startswith("brandrelease."):
            text = ["bytes", pattern.decode("latin-1")] if isinstance(pattern, bytes) else ["str", pattern]
            found.append((frame.f_globals["__name__"], text, int(flags)))
        return made

    re.compile = recording
    for module in modules():
        importlib.import_module(module)
    print(json.dumps([(*each, _is_whole(each[0], _read(each[1]))) for each in found]))


def _is_whole(module: str, pattern: str | bytes) -> bool:
    """By how the module uses the names that the pattern has there; one without a name may be used in any way."""
    imported = sys.modules[module]
    names = [
        name for name, value in vars(imported).items() if isinstance(value, re.Pattern) and value.pattern == pattern
    ]
    source = Path(str(imported.__file__)).read_text()
    used = {way for name in names for way in re.findall(rf"\b{name}\.(\w+)", source)}
    return bool(used) and used <= {"match", "fullmatch"}


def modules() -> Iterator[str]:
    for info in pkgutil.walk_packages(brandrelease.__path__, "brandrelease."):
        if not info.name.endswith("__main__"):
            yield info.name


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a function of `re`, by module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(("brandrelease", *path.relative_to(PACKAGE).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr)) if attr not in {
                    "escape",
                    "compile",
                }:
                    yield name, node


def _in_calls() -> Iterator[Found]:
    for module, call in calls():
        pattern = call.args[0]
        assert isinstance(pattern, ast.Constant), f"{module}:{call.lineno}: compile it at the top of its module instead"
        assert isinstance(pattern.value, str | bytes)
        assert isinstance(call.func, ast.Attribute)
        yield Found(module, pattern.value, 0, call.func.attr in {"match", "fullmatch"})


# --- strings that hurt ------------------------------------------------------------------------------------------------

_OF_CATEGORY: Final = {
    constants.CATEGORY_DIGIT: "0",
    constants.CATEGORY_SPACE: " ",
    constants.CATEGORY_WORD: "a",
    constants.CATEGORY_NOT_SPACE: "x",
    constants.CATEGORY_NOT_DIGIT: "y",
    constants.CATEGORY_NOT_WORD: "-",
}
_MOST: Final = 8


def hostile(found: Found, size: int) -> Iterator[str | bytes]:
    """Long repeats of what the pattern itself is made of, each with an end that spoils it."""
    tree = parser.parse(found.pattern, found.flags)
    letters = list(dict.fromkeys(_letters(tree)))[:_MOST] or ["a"]
    words = [word for word in dict.fromkeys(_literals(tree)) if len(word) > 1][:_MOST]
    pieces = [*letters, *words, *(a + b for a in letters[:4] for b in letters[:4] if a != b)]
    for piece in pieces:
        body = piece * (size // len(piece))
        for begin in ("", *words[:2]):
            text = begin + body + "\x01"
            yield text if isinstance(found.pattern, str) else text.encode("latin-1", "replace")


def _letters(tree: Any) -> Iterator[str]:
    """One character for each thing that matches one."""
    for kind, value in tree:
        if kind is constants.LITERAL:
            yield chr(value)
        elif kind is constants.NOT_LITERAL:
            yield "b" if value != ord("b") else "c"
        elif kind is constants.ANY:
            yield "z"
        elif kind is constants.IN:
            yield from _of_class(value)
        yield from (letter for part in _parts(value) for letter in _letters(part))


def _of_class(entries: Any) -> Iterator[str]:
    if entries and entries[0][0] is constants.NEGATE:
        yield "k"
        return
    for kind, value in entries:
        if kind is constants.LITERAL:
            yield chr(value)
        elif kind is constants.RANGE:
            yield chr(value[0])
        elif kind is constants.CATEGORY:
            yield _OF_CATEGORY.get(value, "a")


def _literals(tree: Any) -> Iterator[str]:
    """Runs of plain characters."""
    run = ""
    for kind, value in tree:
        if kind is constants.LITERAL:
            run += chr(value)
            continue
        if run:
            yield run
        run = ""
        yield from (word for part in _parts(value) for word in _literals(part))
    if run:
        yield run


def _parts(value: Any) -> Iterator[Any]:
    """The patterns inside of a part of a pattern."""
    if isinstance(value, parser.SubPattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _parts(each)
