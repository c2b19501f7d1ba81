"""`make bench WHAT=fleet`: the figures and curves of the fleet, with their goals and peers."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from bench.figures import Curve, Figure, Goal, Kind, Peer, Section
from bench.fleet.idle import Idle
from bench.fleet.meter import NEXT_PAGE
from bench.fleet.plan import Plan
from bench.fleet.storm import Storm
from bench.fleet.walk import Seen, walk
from bench.fleet.watched_loop import Noted

MEMORY, CORES, LISTS, START = 250.0, 0.05, 10.0, 30.0
PER_SECOND, WRITES, READS, SLOWER = 10.0, 12.0, 20.0, 2.0
"""Goals of issue 10."""

WORDS: Final = (
    (
        "Nodes and pods are simulated by kwok; etcd, kube-apiserver, the controllers of Deployments, the registry, the git server and "
        "the bench itself share the machine's processors with the operator."
    ),
    (
        "Every brand has 20 environments and a repository of its own. In a storm every BrandRelease is given a new commit by "
        "`spec.ref`, 16 requests at a time, and CI has pushed the images before; a pod is ready a second after it was made, and "
        "there is no soak time."
    ),
    (
        "By hand is what `kubectl set image` does, 16 at a time, until all Deployments have changed over: nobody resolves a ref, "
        "looks for an image, looks at pods or tells of it."
    ),
    (
        "The failing Brand has 32 environments, the most that a Brand can have, and all are given bad commits again and again. Beside "
        "many Brands a small one takes its turn with each of them, so it waits for longer; that has no goal."
    ),
)


def measure(out: Path) -> Section:
    """Measure it on a cluster of its own."""
    plan = Plan.told()
    with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
        seen = asyncio.run(walk(plan, Path(directory), out))
    return section_of(seen)


def section_of(seen: Seen) -> Section:
    """What is told of what was seen."""
    figures = [each for idle in seen.rest for each in _at_rest(idle, seen.plan.largest)]
    figures += _first_releases(seen)
    figures += [each for storm in seen.storms for each in _storm(storm, seen)]
    figures += [each for noted in seen.blocked for each in _blocked(noted, seen.plan.profiled)]
    figures += _neighbours(seen)
    figures += [
        Figure(what=f"where a storm's time goes: {part}", values=(share,), unit="%")
        for part, share in seen.parts.items()
    ]
    return Section(title="A fleet", figures=tuple(figures), curves=_curves(seen), words=WORDS)


def _at_rest(idle: Idle, largest: int) -> list[Figure]:
    count, requests = idle.count - 1, idle.per_minute()  # the small brand beside them
    is_largest = count == largest

    def at_most(limit: float) -> tuple[Goal, ...]:
        return (Goal(Kind.P50, limit),) if is_largest else ()

    def of(what: str) -> str:
        return f"{count:,} at rest: {what}"

    return [
        Figure(what=of("memory"), values=(idle.used.rss,), unit="MiB", goals=at_most(MEMORY)),
        Figure(what=of("processors"), values=(idle.cores,), unit="cores", goals=at_most(CORES)),
        Figure(what=of("processor time for each a minute"), values=(idle.cores * 60_000 / count,), unit="ms"),
        Figure(what=of("lists a minute"), values=(requests["list"],), unit="", goals=at_most(LISTS)),
        Figure(what=of("further pages of them"), values=(requests[NEXT_PAGE],), unit=""),
        Figure(
            what=of("other requests a minute"),
            values=(requests.total() - requests["list"] - requests[NEXT_PAGE],),
            unit="",
        ),
        Figure(what=of("from a start until all were looked at"), values=(idle.started,), goals=at_most(START)),
    ]


def _first_releases(seen: Seen) -> list[Figure]:
    return [
        Figure(what=f"first releases while a fleet grows to {size:,}", values=(storm.per_second,), unit="a second")
        for size, storm in seen.new.items()
    ]


def _storm(storm: Storm, seen: Seen) -> list[Figure]:
    by_hand = tuple(each.count / each.rolled_out for each in seen.by_hand)
    peer = Peer("by hand, to changed over", by_hand) if by_hand else None

    def of(what: str) -> str:
        return f"storm of {storm.count:,}: {what}"

    return [
        Figure(
            what=of("releases"),
            values=(storm.per_second,),
            unit="a second",
            peer=peer,
            goals=(Goal(Kind.P50, PER_SECOND, at_least=True),),
        ),
        Figure(what=of("writes of a release"), values=(storm.writes,), unit="", goals=(Goal(Kind.P50, WRITES),)),
        Figure(what=of("reads of a release"), values=(storm.reads,), unit="", goals=(Goal(Kind.P50, READS),)),
        Figure(what=of("processor time of a release"), values=(storm.milliseconds,), unit="ms"),
        Figure(what=of("timers of the event loop late by more than 50 ms"), values=(storm.late,), unit="%"),
        Figure(what=of("wait until it is first looked at"), values=tuple(storm.waits)),
        Figure(what=of("from the wish to live"), values=tuple(storm.took.values())),
    ]


def _blocked(noted: Noted, count: int) -> list[Figure]:
    blocks = f"storm of {count:,}: the event loop was blocked for more than 50 ms"
    return [
        Figure(what=f"{blocks} by work", values=(len(noted.by_work),), unit="times", goals=(Goal(Kind.P50, 0.0),)),
        Figure(what=f"{blocks} by waiting for a processor", values=(len(noted.by_others),), unit="times"),
    ]


def _neighbours(seen: Seen) -> list[Figure]:
    alone, crowd = Peer("alone", tuple(seen.alone)), f"{seen.plan.crowd:,}"
    told = {
        f"a small brand's release beside one Brand of which {crowd} fail": (
            seen.beside_one_brand,
            (Goal(Kind.Ratio, SLOWER),),
        ),
        f"a small brand's release in a storm of {crowd} of many": (seen.beside_a_storm, ()),
        f"a small brand's release beside {crowd} of many that fail": (seen.beside_failures, ()),
    }
    figures = [
        Figure(what=what, values=tuple(values), peer=alone, goals=goals)
        for what, (values, goals) in told.items()
        if values
    ]
    failing = [(f"{storm.count:,} of many that fail: rolled back", [storm]) for storm in seen.failing]
    failing += [("one Brand of which all fail: rolled back", seen.one_brand)] if seen.one_brand else []
    return figures + [
        Figure(what=what, values=tuple(each.per_second for each in storms), unit="a second") for what, storms in failing
    ]


def _curves(seen: Seen) -> tuple[Curve, ...]:
    def by_size(name: str, title: str, y: str, lines: dict[str, list[float]]) -> Curve:
        sizes = [float(idle.count - 1) for idle in seen.rest]
        points = {line: tuple(zip(sizes, values, strict=True)) for line, values in lines.items()}
        return Curve(name=name, title=title, x="BrandReleases", y=y, lines=points)

    rest = seen.rest
    curves = [
        by_size("fleet-memory", "Memory at rest", "MiB", {"operator": [each.used.rss for each in rest]}),
        by_size("fleet-processors", "Processors at rest", "cores", {"operator": [each.cores for each in rest]}),
        by_size("fleet-start", "Until all were looked at", "s", {"operator": [each.started for each in rest]}),
    ]
    for storm in seen.storms:
        ends = sorted(at + storm.took[site] for site, at in storm.asked.items())
        first = min(storm.asked.values())
        line = tuple((end - first, float(place)) for place, end in enumerate(ends, 1))
        title = f"A storm of {storm.count:,}"
        curves.append(Curve(name="fleet-storm", title=title, x="s", y="releases ended", lines={"operator": line}))
    return tuple(curves)
