"""Completion: the scripts that shells load, and the candidates that they ask for."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from typing import Final

ASK: Final = "__complete"
"""The hidden command that the scripts call, with all words so far, the last one unfinished."""

LIMIT: Final = 2.0
"""Seconds for the cluster to say which Brands there are: nobody waits longer for a key."""

KUBECTL_NO_FILES: Final = ":4"
"""How a plugin tells kubectl not to offer files (cobra's ShellCompDirectiveNoFileComp)."""

_BASH: Final = """\
_brandrelease() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _brandrelease brandrelease kubectl-brandrelease
"""

_ZSH: Final = """\
#compdef brandrelease kubectl-brandrelease
_brandrelease() {
    local -a candidates
    candidates=("${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    candidates=(${candidates:#})
    compadd -a candidates
}
if [[ "${funcstack[1]}" == _brandrelease ]]; then
    _brandrelease "$@"
else
    (( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit -i }
    compdef _brandrelease brandrelease kubectl-brandrelease
fi
"""
"""Loaded by `source`, also where nobody has begun with compinit; or as the file `_brandrelease` on the fpath."""

_FISH: Final = """\
function __brandrelease_candidates
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    $words[1] __complete $words[2..] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command brandrelease --no-files --arguments '(__brandrelease_candidates)'
complete --command kubectl-brandrelease --no-files --arguments '(__brandrelease_candidates)'
"""

_SCRIPTS: Final = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}

SHELLS: Final = tuple(_SCRIPTS)


def script(shell: str) -> str:
    """What the shell is to load."""
    return _SCRIPTS[shell]


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What may stand where the last word is. Options come from the parser, names of objects from the cluster."""
    *before, last = words or [""]
    commands = _commands(parser)
    if not before:
        return sorted(name for name in commands if name.startswith(last))
    chosen = commands.get(before[0])
    if chosen is None:
        return []
    options = _options(chosen)
    if before[-1] in options and options[before[-1]].nargs != 0:
        return sorted(each for each in map(str, options[before[-1]].choices or ()) if each.startswith(last))
    if last.startswith("-"):
        return sorted(option for option in options if option.startswith("--") and option.startswith(last))
    return sorted(name for name in _names(chosen, _positional(before[1:], options)) if name.startswith(last))


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


def _options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {option: action for action in parser._actions for option in action.option_strings}  # noqa: SLF001


def _positional(words: Sequence[str], options: Mapping[str, argparse.Action]) -> list[str]:
    """The words without options and their values."""
    found: list[str] = []
    is_value = False
    for word in words:
        if not is_value and not word.startswith("-"):
            found.append(word)
        is_value = not is_value and word in options and options[word].nargs != 0
    return found


def _names(parser: argparse.ArgumentParser, before: Sequence[str]) -> list[str]:
    """The Brands for the first word, the Brand's environments for those after it."""
    expected = [action for action in parser._actions if not action.option_strings]  # noqa: SLF001
    if len(before) >= len(expected):
        return []
    action = expected[len(before)]
    if action.choices:
        return [str(each) for each in action.choices]
    match action.metavar:
        case "BRAND" | "BRAND|REASON":
            return [name for name, _ in asyncio.run(_brands())]
        case "ENV" | "FROM" | "TO":
            used = before[1:]
            return [
                each
                for name, environments in asyncio.run(_brands())
                if name == before[0]
                for each in environments
                if each not in used
            ]
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
