"""What /metrics can show: the names, kinds and labels of all metrics, as the code has them."""

from dataclasses import dataclass

from brandrelease.telemetry import Metrics

SUFFIXES: dict[str, dict[str, tuple[str, ...]]] = {
    "counter": {"": ()},
    "gauge": {"": ()},
    "histogram": {"_bucket": ("le",), "_sum": (), "_count": ()},
}


@dataclass(frozen=True)
class Exposed:
    name: str
    kind: str
    labels: tuple[str, ...]


def exposed() -> dict[str, Exposed]:
    """Each metric by its name, as Prometheus knows it."""
    found = {}
    for collector in Metrics().registry._collector_to_names:
        for family in collector.describe():  # type: ignore[attr-defined]  # each of ours has it
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels: tuple[str, ...] = getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ())
            found[name] = Exposed(name, family.type, tuple(labels))
    return found


def series() -> dict[str, tuple[str, ...]]:
    """The labels of each series by its name: a histogram has three of them."""
    return {
        f"{metric.name}{suffix}": (*metric.labels, *more)
        for metric in exposed().values()
        for suffix, more in SUFFIXES[metric.kind].items()
    }
