"""`explain`: what a reason means, what to look at and what to do; for an environment, that of its state."""

import re
from argparse import ArgumentParser, Namespace
from importlib import resources
from typing import Final

from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.reasons import Reason
from brandrelease.cli.command import Command
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.cli.view import headline

_LINK: Final = re.compile(r"\[([^\]\n]+)\]\([^)\n]+\)")
_SECTION: Final = re.compile(r"(?m)^##+ ")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="BRAND|REASON", help="name of a Brand, with ENV; or a reason, as kubectl shows it"
    )
    parser.add_argument("environment", metavar="ENV", nargs="?", help="name of one of the Brand's environments")


async def _explain(at: Session, arguments: Namespace) -> Exit:
    if arguments.environment is None:
        at.terminal.line(explanation(_reason(arguments.what)))
        return Exit.Live
    release = await find(at.api, arguments.what, arguments.environment)
    at.terminal.line(headline(release))
    told = {
        condition.reason
        for condition in release.status.conditions
        if condition.type in {ConditionType.Ready, ConditionType.RollbackUnsafe, ConditionType.CacheInvalidated}
    }
    for reason in sorted(told):
        at.terminal.line()
        at.terminal.line(f"{reason}: {explanation(reason)}")
    return Exit.Live


def _reason(text: str) -> Reason:
    by_name = {reason.lower(): reason for reason in Reason}
    if found := by_name.get(text.lower()):
        return found
    raise Problem(
        f'"{text}" is no reason. Write one as the column REASON of kubectl shows it, or BRAND and ENV.', Exit.Usage
    )


def explanation(reason: Reason) -> str:
    """The entry of docs/reasons.md, without its links."""
    page = resources.files("brandrelease.cli").joinpath("reasons.md").read_text("utf-8")
    for section in _SECTION.split(page):
        name, _, text = section.partition("\n")
        if reason in {each.strip() for each in name.split(",")}:
            return _LINK.sub(r"\1", text.strip())
    raise AssertionError(f"docs/reasons.md has no entry for {reason}")  # tests/unit/test_docs.py holds that it has


EXPLAIN = Command("explain", "what a state or a reason means, and what to do", _arguments, _explain)
