"""Families of failures that are certain the moment that the kubelet tells of them."""

from pathlib import Path
from typing import Final

from bench.figures import Section
from bench.trials import Trials, section
from e2e.test_families import FAMILIES

TIMES: Final = 2
TRIALS: Final = Trials(
    families={name: family for name, family in FAMILIES.items() if not family.verdict.grace},
    times=TIMES,
    anew=frozenset({"flapping"}),  # one pod for ever holds what all pods of its site share
)


def measure(out: Path) -> Section:
    """The section `verdicts`."""
    return section(
        "failures that are certain at once",
        TRIALS.run(),
        "decisive state of the kubelet",
        (
            "The Deployment's deadline is read from the object; when it has passed, Kubernetes says so and changes nothing.",
            "Left out: failures after which nothing is rolled back, as of a build, and what no kubelet sees, as checks and hooks.",
        ),
        "verdicts",
    )
