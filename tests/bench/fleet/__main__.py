"""`python -m bench.fleet storm 300`, or `start 300`: that and nothing else, for whoever makes the operator quicker."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench.figures import quantile
from bench.fleet import parts
from bench.fleet.idle import start
from bench.fleet.meter import Used
from bench.fleet.population import Brands
from bench.fleet.stage import stage
from bench.fleet.storm import Storm, storm


def main() -> int:
    """Run with the arguments of the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("what", choices=("storm", "start"))
    parser.add_argument("count", type=int, help="BrandReleases")
    parser.add_argument(
        "--times", type=int, default=2, help="storms after the one in which all are new, or starts after it"
    )
    parser.add_argument(
        "--profile", type=Path, help="of storms: a file for the stacks of one more, and where its time went"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
        match arguments.what:
            case "storm":
                asyncio.run(storms(arguments.count, arguments.times, arguments.profile, Path(directory)))
            case "start":
                asyncio.run(starts(arguments.count, arguments.times, Path(directory)))
    return 0


async def storms(count: int, times: int, profile: Path | None, directory: Path) -> None:
    """One in which all are new, and so many more."""
    async with stage(directory) as ground:
        brands = Brands(ground, "b")
        await brands.grow(count)
        with ground.operator() as operator:
            for number in range(times + 1):
                tell(
                    "all are new" if not number else f"storm {number}",
                    await storm(ground, operator, brands, brands.sites),
                )
            if profile:
                async with parts.profiled(operator.pid, profile):
                    tell("profiled", await storm(ground, operator, brands, brands.sites))
                for part, share in parts.shares(profile).items():
                    print(f"  {share:5.1f} %  {part}")


async def starts(count: int, times: int, directory: Path) -> None:
    """So many starts over a fleet in which all have been released once."""
    async with stage(directory) as ground:
        brands = Brands(ground, "b")
        await brands.grow(count)
        with ground.operator() as operator:
            tell("all are new", await storm(ground, operator, brands, brands.sites))
        for number in range(times):
            operator = ground.new_operator()
            try:
                started = await start(ground, operator, count)
            finally:
                operator.stop()  # so that the next one need not wait for its Lease
            print(
                f"start {number + 1}: {started.seconds:.1f} s until all were looked at; memory {started.used.rss:.0f} MiB"
            )
            tell_requests(started.used, count)


def tell(what: str, seen: Storm) -> None:
    """Everything of one storm."""
    print(
        f"{what}: {seen.count} releases {dict(seen.outcomes)}, {seen.per_second:.1f} a second, {seen.milliseconds:.1f} ms each, "
        f"{seen.reads:.1f} reads, {seen.writes:.1f} writes; wait p95 {quantile(seen.waits, 0.95):.1f} s; "
        f"memory {seen.used.rss:.0f} MiB; {seen.late:.1f} % of timers late by more than 50 ms"
    )
    tell_requests(seen.used, seen.count)


def tell_requests(used: Used, count: int) -> None:
    """How many of each kind for each of so many BrandReleases, and whose processor time it was."""
    for kind, many in used.by_kind().most_common():
        print(f"  {many / count:6.2f}  {kind}")
    shares = sorted(used.processors.items(), key=lambda each: -each[1])
    print("  seconds of processors: " + ", ".join(f"{name} {took:.1f}" for name, took in shares), flush=True)


if __name__ == "__main__":
    sys.exit(main())
