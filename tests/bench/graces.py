"""Families of failures that may mend themselves, and are given a time for it: measured from the end of that time."""

from pathlib import Path
from typing import Final

from bench.figures import Section
from bench.trials import Trials, section
from e2e.test_families import FAMILIES
from e2e.test_platform import FAMILIES as OF_THE_PLATFORM

TRIALS: Final = Trials(
    families={name: family for name, family in {**FAMILIES, **OF_THE_PLATFORM}.items() if family.verdict.grace},
    times=1,  # the graces alone take more than two minutes
)


def measure(out: Path) -> Section:
    """The section `graces`."""
    return section(
        "failures that are given a time to mend themselves, from the end of that time",
        TRIALS.run(),
        "end of the grace",
        (
            "Graces count from times that Kubernetes keeps in whole seconds; so does this.",
            "Left out: registries and webhooks that are down, nodes that are gone: they wait for the same deadline as quota.",
        ),
        "graces",
    )
