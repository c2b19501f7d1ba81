"""Completion: the scripts that shells load, and the candidates that they ask for."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Final

ASK: Final = "__complete"
"""The hidden command that the scripts call, with all words so far, the last one unfinished."""

LIMIT: Final = 2.0
"""Seconds for the cluster to say which Brands there are: nobody waits longer for a key."""

KUBECTL_NO_FILES: Final = ":4"
"""How a plugin tells kubectl not to offer files (cobra's ShellCompDirectiveNoFileComp)."""

SCRIPTS: Final = {
    "bash": """\
_brandrelease() {
    local IFS=$'\\n'
    COMPREPLY=($(brandrelease __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _brandrelease brandrelease
""",
    "zsh": """\
#compdef brandrelease
_brandrelease() {
    local -a candidates
    candidates=("${(@f)$(brandrelease __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -a candidates
}
compdef _brandrelease brandrelease
""",
    "fish": """\
function __brandrelease_candidates
    brandrelease __complete (commandline --tokenize --current-process --cut-at-cursor)[2..] (commandline --current-token) 2>/dev/null
end
complete --command brandrelease --no-files --arguments '(__brandrelease_candidates)'
""",
}


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What may stand where the last word is. Options come from the parser, names of objects from the cluster."""
    *before, last = words or [""]
    commands = _commands(parser)
    if not before:
        return sorted(name for name in commands if name.startswith(last))
    chosen = commands.get(before[0])
    if chosen is None:
        return []
    if last.startswith("-"):
        return sorted(option for option in _options(chosen) if option.startswith(last))
    plain = [word for word in before[1:] if not word.startswith("-")]
    return sorted(name for name in _names(chosen, plain) if name.startswith(last))


def complete(parser: argparse.ArgumentParser, words: Sequence[str], *, for_kubectl: bool) -> None:
    """Print the candidates; nothing where there are none, whatever goes wrong: a shell waits for the answer."""
    found: list[str] = []
    with contextlib.suppress(Exception):
        found = candidates(parser, words)
    for each in found:
        sys.stdout.write(f"{each}\n")
    if for_kubectl:
        sys.stdout.write(f"{KUBECTL_NO_FILES}\n")


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001
        yield from (option for option in action.option_strings if option.startswith("--"))


def _names(parser: argparse.ArgumentParser, before: Sequence[str]) -> list[str]:
    """The Brands for the first word, the Brand's environments for those after it."""
    expected = [action.metavar for action in parser._actions if not action.option_strings]  # noqa: SLF001
    if len(before) >= len(expected):
        return []
    match expected[len(before)]:
        case "BRAND" | "BRAND|REASON":
            return [name for name, _ in asyncio.run(_brands())]
        case "ENV" | "FROM" | "TO":
            return [each for name, environments in asyncio.run(_brands()) if name == before[0] for each in environments]
        case _:
            return []


async def _brands() -> list[tuple[str, list[str]]]:
    from brandrelease.adapters.kube.api import BRANDS, KubeApi

    async with asyncio.timeout(LIMIT):
        api = await KubeApi.connect_as("brandrelease-completion", None, None)
        try:
            bodies = await api.items(BRANDS, None)
        finally:
            await api.close()
    return [(each["metadata"]["name"], [e["name"] for e in each["spec"]["environments"]]) for each in bodies]
