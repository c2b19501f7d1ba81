"""The same as `overhead`, of a site that takes some seconds to become ready, as most sites do."""

from pathlib import Path
from typing import Final

from bench.figures import Goal, Kind, Section
from bench.overhead import curve, figures, in_turns
from support import brand_site

RELEASES: Final = 8
READY_AFTER: Final = 4


def measure(out: Path) -> Section:
    """The section `slow-site`."""
    probe = {
        "httpGet": {"path": "/", "port": brand_site.PORT},
        "initialDelaySeconds": READY_AFTER,
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    ours, theirs = in_turns("slow-site", RELEASES, container={"readinessProbe": probe})
    return Section(
        title=f"one release, the image being at hand, of a site that is ready {READY_AFTER} seconds after its start",
        figures=figures(ours, theirs, rolled_out=(Goal(Kind.Ratio, 1.10),)),
        curves=(curve("slow-site", "Rolled out, of a site that takes some seconds", ours, theirs),),
        words=(f"Its readiness probe asks for the first time after {READY_AFTER} seconds, whoever releases it.",),
    )
