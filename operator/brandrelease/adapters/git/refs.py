"""From the ref that a person writes to the names that git is asked for, and from git's answer to a commit. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Resolution, Resolved, Unresolved
from brandrelease.core.words import short

HEADS, TAGS = "refs/heads/", "refs/tags/"

_COMMIT: Final = re.compile(r"[0-9a-fA-F]{40}")
_SHORT_COMMIT: Final = re.compile(r"[0-9a-fA-F]{7,39}")
_LINE: Final = re.compile(r"([0-9a-f]{40,64})\t(.+)")
_PEELED: Final = "^{}"

_FORBIDDEN: Final = re.compile(r"[ ~^:?*\[\\]|\.\.|//|@\{|(?:^|/)\.|^/|[/.]$|\.lock(?:/|$)|^@$|^-|^$")
"""git-check-ref-format(1), and no leading '-', which a program could take for an option."""


def ref_problem(ref: str) -> Unresolved | None:
    """Why nobody is asked for this ref, or None."""
    if not ref.isprintable() or _FORBIDDEN.search(ref):
        shown = "".join(character if character.isprintable() else "�" for character in ref[:100])
        message = (
            f'"{shown}" cannot be the name of a ref in git. Write a branch, a tag, a full name such as '
            f"refs/tags/v1.2, or a full commit id."
        )
        return Unresolved(Reason.InvalidRef, message, passing=False)
    if _SHORT_COMMIT.fullmatch(ref):
        message = (
            f'"{ref}" looks like a shortened commit id, which can come to mean another commit. Write the full id of 40 '
            f"characters (git rev-parse {ref} prints it), or {HEADS}{ref} if it is a branch."
        )
        return Unresolved(Reason.InvalidRef, message, passing=False)
    return None


def commit_id(ref: str) -> str | None:
    """The ref as a commit id, if it is one; a branch that is named like one must be written refs/heads/..."""
    return ref.lower() if _COMMIT.fullmatch(ref) else None


def candidates(ref: str) -> tuple[str, ...]:
    """The full names that the ref can stand for."""
    return (ref,) if ref.startswith("refs/") else (HEADS + ref, TAGS + ref)


def list_patterns(names: Sequence[str]) -> list[str]:
    """The patterns that `git ls-remote` is given for these names.

    A pattern also finds names that only end with it, so the answer is compared again. An annotated tag is an object of
    its own: the commit behind it must be asked for as `tag^{}`.
    """
    return [p for name in names for p in ((name,) if name.startswith(HEADS) else (name, name + _PEELED))]


def list_options(names: Sequence[str]) -> list[str]:
    """Options that spare the server from listing what cannot match; hosts keep a ref for every pull request."""
    if not all(name.startswith((HEADS, TAGS)) for name in names):
        return []
    wanted = (("--heads", HEADS), ("--tags", TAGS))
    return [option for option, prefix in wanted if any(name.startswith(prefix) for name in names)]


def answer(url: str, ref: str, output: bytes) -> Resolution:
    """What the ref points to, given what `git ls-remote` printed for its candidates."""
    listed = _listed(output)
    found = {name: listed.get(name + _PEELED, listed[name]) for name in candidates(ref) if name in listed}
    if not found:
        return Unresolved(Reason.RefNotFound, _not_found(url, ref), passing=False)
    if len(set(found.values())) > 1:
        branch, tag = found.values()
        message = (
            f'"{ref}" is both a branch ({short(branch)}) and a tag ({short(tag)}) of {url}. Write {HEADS}{ref} or '
            f"{TAGS}{ref}."
        )
        return Unresolved(Reason.AmbiguousRef, message, passing=False)
    name, commit = next(iter(found.items()))
    return Resolved(name, commit)


def _listed(output: bytes) -> Mapping[str, str]:
    lines = output.decode(errors="surrogateescape").split("\n")
    return {match[2]: match[1] for match in map(_LINE.fullmatch, lines) if match}


def _not_found(url: str, ref: str) -> str:
    if ref.startswith("refs/"):
        return f'{url} has no ref "{ref}". Push it, or write another one.'
    if ref.startswith("origin/"):
        bare = ref.removeprefix("origin/")
        return f'{url} has no branch or tag "{ref}". Write "{bare}": "origin/" is only what a clone calls the server.'
    return f'{url} has no branch or tag "{ref}". Push it, or write another one.'
