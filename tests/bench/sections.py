"""The parts of the bench, in their order. Each is a module, or a package, with `measure(out: Path) -> Section` in it.

`out` is the folder of the run, for what is worth keeping beside figures and curves: profiles, logs.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from bench.figures import Section

MODULES: Final = {
    "fleet": "bench.fleet.section",
    "overhead": "bench.overhead",
    "slow-site": "bench.slow_site",
    "verdicts": "bench.verdicts",
    "graces": "bench.graces",
    "builds": "bench.builds",
    "codebuild": "bench.codebuild",
}
"""By the name that `make bench WHAT=...` has for it."""


def measure(name: str, out: Path) -> Section:
    """Run one of them. It is imported only then: what one needs, the others need not have."""
    function: Callable[[Path], Section] = import_module(MODULES[name]).measure
    return function(out)
