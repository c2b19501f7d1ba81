"""`python -m support.gitops_audit --name e2e`: what Flux and Argo CD say of every state that our objects were in.

Read from what was recorded on a cluster on which the whole end-to-end suite has run. Fails where kstatus or the health
script says of one what it should not, and where a phase was never seen.
"""

import argparse
import sys
from collections import Counter
from typing import Final

from brandrelease.apis.brandrelease import Phase
from cluster.places import run_directory
from support.gitops_verdicts import Object, judge, wrong_about
from support.seen_objects import seen

SHOWN: Final = 20
FLEETING: Final = {Phase.Pending}
"""It lasts for one pass, which no watch has to see."""


def report(objects: list[Object]) -> list[str]:
    """A table of what was seen, and what is wrong, each as a sentence."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for each, verdict in zip(objects, judge(objects), strict=True):
        phase = each["status"].get("phase", "-")
        counts[each["kind"], phase, verdict.kstatus, verdict.health] += 1
    for (kind, phase, kstatus, health), count in sorted(counts.items()):
        print(f"{count:7d}  {kind:13} {phase:12} {kstatus:11} {health}")
    missing = {str(phase) for phase in Phase if phase not in FLEETING} - {phase for _, phase, _, _ in counts}
    never = [f"No BrandRelease was ever {phase}." for phase in sorted(missing)]
    return [*never, *wrong_about(objects)]


def main() -> int:
    """Judge, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m support.gitops_audit", description=__doc__)
    parser.add_argument("--name", required=True, help="name of the cluster")
    wrong = report(seen(run_directory(parser.parse_args().name)))
    for sentence in wrong[:SHOWN]:
        print(sentence, file=sys.stderr)
    if len(wrong) > SHOWN:
        print(f"... and {len(wrong) - SHOWN} more.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
