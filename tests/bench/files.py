"""bench.json: every value that was measured, so that tables can be made of it again, and what the reader wants to know at once."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.figures import Curve, Figure, Goal, Kind, Peer, Section
from bench.machine import Machine

NAME: Final = "bench.json"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """A section, and where and when that was."""

    section: Section
    machine: Machine


def read(folder: Path) -> dict[str, Measured]:
    """What is in the folder's file by the names of the sections; nothing if there is none."""
    path = folder / NAME
    return {name: _measured(body) for name, body in json.loads(path.read_text()).items()} if path.exists() else {}


def write(folder: Path, found: Mapping[str, Measured]) -> Path:
    """Write all of it, and return where it is."""
    path = folder / NAME
    path.write_text(json.dumps({name: _body(each) for name, each in found.items()}, indent=2) + "\n")
    return path


def _body(measured: Measured) -> Json:
    section = measured.section
    return {
        "title": section.title,
        "machine": asdict(measured.machine),
        "figures": [_figure_body(figure) for figure in section.figures],
        "curves": [asdict(curve) for curve in section.curves],
        "words": list(section.words),
    }


def _figure_body(figure: Figure) -> Json:
    """n, p50, p95, ratio and what came of the goals are for the reader: they follow from the values."""
    peer = figure.peer
    goals = [{**asdict(goal), "reached": figure.reached(goal), "met": figure.is_met(goal)} for goal in figure.goals]
    summary = {"n": len(figure.values), "p50": figure.p50, "p95": figure.p95, "ratio": figure.ratio}
    beside = {"what": peer.what, "p50": peer.p50, "p95": peer.p95, "values": peer.values} if peer else None
    return {
        "what": figure.what,
        "unit": figure.unit,
        **summary,
        "goals": goals,
        "values": figure.values,
        "peer": beside,
    }


def _measured(body: Json) -> Measured:
    section = Section(
        title=body["title"],
        figures=tuple(map(_figure, body["figures"])),
        curves=tuple(map(_curve, body["curves"])),
        words=tuple(body["words"]),
    )
    return Measured(section, Machine(**body["machine"]))


def _figure(body: Json) -> Figure:
    peer = body["peer"]
    return Figure(
        what=body["what"],
        values=tuple(body["values"]),
        unit=body["unit"],
        peer=Peer(peer["what"], tuple(peer["values"])) if peer else None,
        goals=tuple(Goal(Kind(each["kind"]), each["limit"], each["at_least"]) for each in body["goals"]),
    )


def _curve(body: Json) -> Curve:
    lines = {name: tuple((float(x), float(y)) for x, y in points) for name, points in body["lines"].items()}
    return Curve(name=body["name"], title=body["title"], x=body["x"], y=body["y"], lines=lines)
