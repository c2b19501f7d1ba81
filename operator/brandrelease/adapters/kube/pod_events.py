"""Events of type Warning about pods, from JSON to what is judged. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from brandrelease.core.snapshot import PodWarning

Json = dict[str, Any]

WARNINGS_ABOUT_PODS: Final = "involvedObject.kind=Pod,type=Warning"
"""Field selector. One request for all pods: the API server reads all Events of the namespace for each, whatever it asks for."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def pod_warnings(events: Iterable[Json], pods: Iterable[str]) -> Mapping[str, tuple[PodWarning, ...]]:
    """Those about these pods, newest last, by pod name; a pod without any is left out."""
    asked, found = frozenset(pods), defaultdict[str, list[PodWarning]](list)
    for event in events:
        if (name := event["involvedObject"].get("name", "")) in asked:
            found[name].append(_warning(event))
    return {name: tuple(sorted(entries, key=_when)) for name, entries in found.items()}


def _warning(event: Json) -> PodWarning:
    """The kubelet counts in count and lastTimestamp; the scheduler, by events.k8s.io/v1, in series and eventTime."""
    series = event.get("series") or {}
    seen = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return PodWarning(
        reason=event.get("reason", ""),
        message=event.get("message", ""),
        count=series.get("count") or event.get("count") or 1,
        last_seen=datetime.fromisoformat(seen) if seen else None,
    )


def _when(warning: PodWarning) -> datetime:
    return warning.last_seen or _LONG_AGO
