"""Commands that ask for something: deploy, retry, rollback, abort, override, suspend and resume."""

import re
from argparse import ArgumentParser, Namespace

from brandrelease.adapters.kube.api import BRAND_RELEASES, ApiError
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.wellknown import API_VERSION
from brandrelease.cli import wishes
from brandrelease.cli.called import called
from brandrelease.cli.command import Command, carry_out, environment_arguments, follow_up, waiting_arguments
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import find, home_of, look, readable
from brandrelease.cli.session import Session
from brandrelease.core.words import short

CONFLICT = 409
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def _deploy_arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument(
        "--ref", help="branch, tag, refs/... or full commit id, from now on; absent = the one that is set"
    )
    parser.add_argument("--force", action="store_true", help="set the ref also where a GitOps tool keeps it")
    waiting_arguments(parser)


async def deploy(at: Session, arguments: Namespace) -> Exit:
    """Ask for a ref, in a BrandRelease that is there or that is made."""
    brand, environment, ref = arguments.brand, arguments.environment, arguments.ref
    namespace = (await home_of(at.api, brand, environment)).namespace
    release = await look(at.api, namespace, brand, environment)
    if release is None:
        return await _first(at, namespace, arguments)
    if ref and ref != release.spec.ref:
        await _must_be_ours(at, release, "ref", arguments)
    wish = wishes.request(at.clock.now(), ref)
    said = f"Asked for {_shown(ref or release.spec.ref)} of {brand} in {environment}."
    return await carry_out(at, release, wish, said, arguments)


async def _first(at: Session, namespace: str, arguments: Namespace) -> Exit:
    """There is no BrandRelease yet."""
    brand, environment, ref = arguments.brand, arguments.environment, arguments.ref
    if not ref:
        raise Problem(
            f"Nothing was ever released to {brand} {environment}, so no ref is set. Give one: "
            f"{called()} deploy {brand} {environment} --ref <branch>",
            Exit.Usage,
        )
    wish = wishes.request(at.clock.now(), ref)
    release = await _made(at, namespace, arguments, wish)
    said = f"Made BrandRelease {namespace}/{release.name} and asked for {_shown(ref)} of {brand} in {environment}."
    return await follow_up(at, release, wish, said, arguments)


async def _made(at: Session, namespace: str, arguments: Namespace, wish: wishes.Wish) -> BrandRelease:
    """Named after the Brand; with the environment where another one in the namespace is named so."""
    brand, environment = arguments.brand, arguments.environment

    async def make(name: str) -> BrandRelease:
        body = {
            "apiVersion": API_VERSION,
            "kind": "BrandRelease",
            "metadata": {"name": name, "namespace": namespace, "annotations": wish.annotations},
            "spec": {"brand": brand, "environment": environment, **wish.spec},
        }
        return readable(await at.api.create(BRAND_RELEASES, namespace, body))

    try:
        return await make(brand)
    except ApiError as error:
        if error.status != CONFLICT:
            raise
    return await make(f"{brand}-{environment}")


def _shown(ref: str) -> str:
    """A commit as people read it; a branch or tag as it is."""
    return short(ref) if _COMMIT.fullmatch(ref) else ref


async def _must_be_ours(at: Session, release: BrandRelease, what: str, arguments: Namespace) -> None:
    if arguments.force:
        return
    body = await at.api.get(BRAND_RELEASES, release.namespace, release.name)
    if body and (keeper := wishes.kept_elsewhere(body["metadata"], what)):
        raise Problem(
            f"spec.{what} of BrandRelease {release.namespace}/{release.name} is kept by {keeper}, which would put it back. "
            "Change it in Git; or give --force, and it stays only until the next sync.",
            Exit.Usage,
        )


def _retry_arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    waiting_arguments(parser)


async def _retry(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    wish = wishes.request(at.clock.now())
    return await carry_out(at, release, wish, f"Asked for {release.spec.ref} once more.", arguments)


def _rollback_arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument(
        "number", nargs="?", type=int, metavar="RELEASE", help="its number; absent = the last good one before"
    )
    parser.add_argument("--why", help="a reason, kept in the history")
    waiting_arguments(parser)


async def _rollback(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    wish = wishes.rollback(release, arguments.number, arguments.why, at.clock.now())
    number = next(iter(wish.annotations.values())).partition(" ")[0]
    return await carry_out(at, release, wish, f"Asked for the image of release {number}.", arguments)


def _abort_arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument("--why", help="a reason, kept in the history")
    waiting_arguments(parser)


async def _abort(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    wish = wishes.abort(release, arguments.why, at.clock.now())
    return await carry_out(at, release, wish, "Asked to give the release in flight up.", arguments)


def _override_arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument("commit", metavar="COMMIT", help="the commit to let through, its first 7 characters or more")
    parser.add_argument("why", metavar="WHY", help="the reason, kept in the history")
    waiting_arguments(parser)


async def _override(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    wish = wishes.override(release, arguments.commit, arguments.why, at.clock.now())
    commit = next(iter(wish.annotations.values())).partition(" ")[0]
    return await carry_out(at, release, wish, f"Asked to let {commit} through.", arguments)


def _suspend_arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument("--force", action="store_true", help="also where a GitOps tool keeps the field")
    waiting_arguments(parser)


async def _suspend(at: Session, arguments: Namespace) -> Exit:
    return await _set_suspend(at, arguments, on=True)


async def _resume(at: Session, arguments: Namespace) -> Exit:
    return await _set_suspend(at, arguments, on=False)


async def _set_suspend(at: Session, arguments: Namespace, *, on: bool) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    await _must_be_ours(at, release, "suspend", arguments)
    said = "The operator touches nothing of it from now on." if on else "The operator goes on with it."
    return await carry_out(at, release, wishes.suspend(on=on), said, arguments)


DEPLOY = Command(
    "deploy",
    "release what a ref is now, or another ref",
    _deploy_arguments,
    deploy,
    ("deploy drumeo production --wait", "deploy drumeo staging --ref fix/search"),
)
RETRY = Command(
    "retry",
    "look at the ref again and try what failed once more",
    _retry_arguments,
    _retry,
    ("retry drumeo production --wait",),
)
ROLLBACK = Command(
    "rollback",
    "put an earlier release's image back, without a build",
    _rollback_arguments,
    _rollback,
    ('rollback drumeo production --why "search is broken" --wait', "rollback drumeo production 9"),
)
ABORT = Command(
    "abort",
    "give the release in flight up",
    _abort_arguments,
    _abort,
    ('abort drumeo production --why "wrong branch"',),
)
OVERRIDE = Command(
    "override",
    "let a quarantined commit through, or a release that waits for a window",
    _override_arguments,
    _override,
    ('override drumeo production 3d86f4553df2 "the cache was full"',),
)
SUSPEND = Command(
    "suspend", "touch nothing until resumed", _suspend_arguments, _suspend, ("suspend drumeo production",)
)
RESUME = Command("resume", "go on after suspend", _suspend_arguments, _resume, ("resume drumeo production --wait",))
