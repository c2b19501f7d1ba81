"""`python -m soak`: run it, tell of it, and end with 1 if anything was not as it must be."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from soak.plan import plan_of
from soak.run import LIMIT, Result, soak


def main() -> int:
    """Run with the arguments of the command line; the exit code."""
    arguments = _parser().parse_args()
    seed = SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    plan = plan_of(seed, arguments.seconds, arguments.releases, arguments.objects)
    if arguments.plan:
        print(plan)
        return 0
    again = f"make soak SECONDS={plan.seconds:g} RELEASES={plan.releases} OBJECTS={plan.sites} SEED={seed}"
    print(f"seed {seed}: {len(plan.steps)} requests and {len(plan.faults)} faults; again: {again}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        result = asyncio.run(soak(plan, Path(directory), arguments.limit))
    print(summary(result, again))
    return 1 if result.violations else 0


def summary(result: Result, again: str) -> str:
    """What was done, what it took, and what was violated."""
    rows = {
        "releases asked for, ended": f"{result.asked}, {result.releases}",
        "by outcome": ", ".join(f"{name} {count}" for name, count in sorted(result.outcomes.items())),
        "took": f"{result.seconds:.0f} s",
        **result.facts,
        **{f"growth without restarts ({index})": str(each) for index, each in enumerate(result.growths, 1)},
        "violations": str(len(result.violations)),
        "seed": str(result.plan.seed),
        "again": again,
    }
    lines = [f"{name:36} {text}" for name, text in rows.items()]
    if result.violations:
        lines += ["", *result.violations, "", "The operator's log ends with:", result.log]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=1200, help="how long requests, settling and the last round take"
    )
    parser.add_argument("--releases", type=int, default=2000)
    parser.add_argument("--objects", type=int, default=200, help="BrandReleases")
    parser.add_argument("--seed", type=int, help="by default a new one, which is printed")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds until what was asked for must be so")
    parser.add_argument("--plan", action="store_true", help="list what would be done, and do nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
