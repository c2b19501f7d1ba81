"""`diff`: what would go out if one deployed now: commits, and whether there are migrations among them."""

from argparse import ArgumentParser, Namespace

from brandrelease.adapters.kube.api import BRANDS
from brandrelease.apis.brand import Brand
from brandrelease.cli.command import Command, environment_arguments, output_argument
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import find
from brandrelease.cli.persons_git import Difference, difference
from brandrelease.cli.session import Session
from brandrelease.core.words import several, short

MOST = 50
"""Commits that are listed; more are counted."""

MIGRATIONS = "migrations"
"""Files below a folder of this name are taken for migrations, as Laravel, Doctrine and Django have it."""


def _arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument("--ref", help="instead of the ref that is set")
    output_argument(parser)


async def _diff(at: Session, arguments: Namespace) -> Exit:
    brand, environment = arguments.brand, arguments.environment
    release = await find(at.api, brand, environment)
    body = await at.api.get(BRANDS, None, brand)
    running = release.status.running
    if body is None or running is None or running.commit is None:
        raise Problem(
            f"It is not known which commit runs in {brand} {environment}, so there is nothing to compare with.",
            Exit.Usage,
        )
    ref = arguments.ref or release.spec.ref
    found = await difference(body["spec"]["source"]["url"], running.commit, ref)
    if arguments.output:
        at.terminal.objects(_wire(running.commit, found), arguments.output)
        return Exit.Live
    _tell(at, f"{brand} {environment}", running.commit, ref, found)
    if hook := _hook(Brand.from_object(body), environment):
        migrations = migrations_in(found)
        what = (
            f"{several(len(migrations), 'migration')} among them"
            if migrations
            else "no file below a folder 'migrations'"
        )
        at.terminal.line(f"Before the Deployment is changed this runs: {hook} ({what}).")
    return Exit.Live


def migrations_in(found: Difference) -> list[str]:
    """The files that look like migrations."""
    return [file for file in found.files if MIGRATIONS in file.split("/")[:-1]]


def _tell(at: Session, where: str, old: str, ref: str, found: Difference) -> None:
    if found.new == old:
        at.terminal.line(f"Nothing: {where} runs {short(old)}, which is what {ref} is.")
        return
    at.terminal.line(
        f"{where} runs {short(old)}; {ref} is {short(found.new)}: {several(len(found.commits), 'commit')}, "
        f"{several(len(found.files), 'file')} differ."
    )
    if found.back:
        at.terminal.line(f"It leaves {several(found.back, 'commit')} out that run now.")
    for commit in found.commits[:MOST]:
        at.terminal.line(f"  {short(commit.id)}  {commit.author}: {commit.subject}")
    if len(found.commits) > MOST:
        at.terminal.line(f"  and {len(found.commits) - MOST} more")
    for file in migrations_in(found):
        at.terminal.line(f"  migration  {file}")


def _hook(brand: Brand, environment: str) -> str | None:
    """The preDeploy hook's command."""
    named = brand.environment(environment)
    hook = named.hooks.pre_deploy if named else None
    return " ".join(hook.command) if hook else None


def _wire(old: str, found: Difference) -> dict[str, object]:
    return {
        "running": old,
        "new": found.new,
        "commits": [{"commit": each.id, "author": each.author, "subject": each.subject} for each in found.commits],
        "left": found.back,
        "files": list(found.files),
        "migrations": migrations_in(found),
    }


DIFF = Command(
    "diff",
    "what would go out now: commits and migrations",
    _arguments,
    _diff,
    ("diff drumeo production", "diff drumeo production --ref fix/search"),
)
