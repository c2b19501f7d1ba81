"""What the operator has used and asked for between two moments, and what everything beside it has used."""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from support.operator_process import OperatorProcess

NEXT_PAGE: Final = "page"
"""In place of the verb: a request that goes on with a list, as the API server wants long ones to be read."""

READS: Final = frozenset({"get", "list", NEXT_PAGE, "watch"})

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Request:
    """One request of the operator, as the API server's audit log has it. at: seconds of the wall clock, when it came."""

    at: float
    verb: str
    resource: str
    namespace: str
    name: str

    @property
    def is_read(self) -> bool:
        return self.verb in READS


@dataclass(frozen=True)
class Used:
    """Between two moments. processors: seconds of each process."""

    began: float
    seconds: float
    requests: list[Request]
    processors: dict[str, float]
    rss: float
    """MiB of the operator at the end."""

    @property
    def operator(self) -> float:
        """Seconds of processor time, with those of the git processes that it has started."""
        return self.processors["operator"]

    @property
    def reads(self) -> int:
        return sum(each.is_read for each in self.requests)

    @property
    def writes(self) -> int:
        return len(self.requests) - self.reads

    def by_kind(self) -> Counter[str]:
        """Requests by verb and resource."""
        return Counter(f"{each.verb} {each.resource}" for each in self.requests)


@dataclass
class Meter:
    """others: the processes beside the operator, by name."""

    operator: OperatorProcess
    others: dict[str, int]
    audit_log: Path
    _began: float = 0.0
    _before: dict[str, float] = field(default_factory=dict)
    _offset: int = 0

    def begin(self) -> None:
        """From now on. The operator need not run yet."""
        self._began, self._before = time.time(), self._processors()  # noqa: TID251 - the audit log has this clock too
        self._offset = self.audit_log.stat().st_size

    def end(self) -> Used:
        """Until now. It may be asked again, for a later now."""
        seconds, after = time.time() - self._began, self._processors()  # noqa: TID251
        used = {name: after[name] - self._before[name] for name in after}
        requests = list(requests_of(self.audit_log, self._offset))
        return Used(self._began, seconds, requests, used, rss_of(self.operator.pid))

    def _processors(self) -> dict[str, float]:
        """Bench includes the git server's own threads and git's server processes."""
        others = {**self.others, "git server and bench": os.getpid()}
        operator = processor_of(self.operator.pid) if self.operator.runs else 0.0
        return {"operator": operator, **{name: processor_of(pid) for name, pid in others.items()}}


def requests_of(audit_log: Path, offset: int) -> Iterator[Request]:
    """What was asked of the API since the audit log was so long."""
    with audit_log.open("rb") as log:
        log.seek(offset)
        for line in log:
            if line.endswith(b"\n") and (request := _request(json.loads(line))):
                yield request


LAG: Final = "brandrelease_event_loop_lag_seconds"


def metrics_of(operator: OperatorProcess) -> "Metrics":
    """Its metrics now. A page of thousands of objects costs the operator a tenth of a second: ask seldom."""
    return Metrics(operator.get("/metrics"))


@dataclass(frozen=True)
class Metrics:
    """The page that Prometheus reads."""

    page: str

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series with these labels."""
        lines = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.page, re.MULTILINE)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(value) for told, value in lines if all(each in told for each in wanted))

    def count(self, name: str) -> int:
        """How many series there are."""
        return self.page.count(f"\n{name}{{")

    @property
    def looked_at(self) -> int:
        """How many BrandReleases have had their first pass of this process."""
        return self.count("brandrelease_info")

    @property
    def ended(self) -> int:
        """How many releases have come to an end in this process."""
        return int(self.total("brandrelease_releases_total"))

    def late_since(self, before: "Metrics") -> float:
        """Percent of the event loop's timers since then that were more than 50 ms late."""
        timers, in_time = (
            self.total(name, **labels) - before.total(name, **labels)
            for name, labels in ((f"{LAG}_count", {}), (f"{LAG}_bucket", {"le": "0.05"}))
        )
        return 100 * (timers - in_time) / timers


def processor_of(pid: int) -> float:
    """Seconds of processor time of a process and of its children that have ended."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def rss_of(pid: int) -> float:
    """MiB in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", (Path("/proc") / str(pid) / "status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _request(line: dict[str, Any]) -> Request | None:
    """None for the end of a watch, which was counted when it began, and for what names no object."""
    about = line.get("objectRef")
    if about is None or (line["verb"] == "watch" and line["stage"] != "ResponseStarted"):
        return None
    resource = about["resource"] + (f"/{about['subresource']}" if "subresource" in about else "")
    at = datetime.fromisoformat(line["requestReceivedTimestamp"]).timestamp()
    verb = NEXT_PAGE if line["verb"] == "list" and "continue=" in line["requestURI"] else line["verb"]
    return Request(at, verb, resource, about.get("namespace", ""), about.get("name", ""))
