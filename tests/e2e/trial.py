"""A release on trial: what it fails for, whose doing that is, how soon it is known, and what visitors notice."""

import queue
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from demo.probe import Probe
from e2e.story import Object, Story
from support.kubectl import Seen, eventually

RELEASE_LABEL: Final = "brandrelease.dev/release"
SLACK: Final = 10.0
"""Seconds that a verdict may come late: a pass, the reading of a log, a busy machine."""
ROUNDING: Final = 2.5
"""Seconds that it may come early: Kubernetes keeps whole seconds, and what is seen here was written a moment before."""


class Trial:
    """While the block runs, keeps every version of the site's objects with its moment, and asks for the page.

    jobs_in: the namespace of the Jobs that it looks at too, if any matter.
    """

    def __init__(self, story: Story, jobs_in: str = "") -> None:
        self._story, self._jobs_in = story, jobs_in
        self._queues: dict[str, queue.Queue[Seen]] = {}
        self._seen: dict[str, list[Seen]] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for kind in ("brandreleases", "deployments", "pods"):
                versions = stack.enter_context(self._story.kubectl.watch(kind, namespace=self._story.namespace))
                eventually(lambda versions=versions: versions.qsize(), 20, f"There are no {kind}")  # type: ignore[misc]
                self._queues[kind] = versions
            if self._jobs_in:
                self._queues["jobs"] = stack.enter_context(self._story.kubectl.watch("jobs", namespace=self._jobs_in))
            self.visitor = stack.enter_context(Probe(self._story.address))
            self._running = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._running:
            if error is None:
                last = self._story.object["metadata"]["resourceVersion"]
                eventually(lambda: last in map(_version, self.versions("brandreleases")), 20, f"{last} is not seen")

    def versions(self, kind: str) -> list[Seen]:
        """Every version of every object of the kind, in the order of their arrival."""
        seen = self._seen.setdefault(kind, [])
        while not self._queues[kind].empty():
            seen.append(self._queues[kind].get())
        return seen

    def first(self, kind: str, fits: Callable[[Object], bool]) -> float:
        """When the first version that fits arrived."""
        moments = [at for at, body in self.versions(kind) if fits(body)]
        assert moments, f"No version of the {kind} was as it had to be"
        return moments[0]

    def verdict(self, commit: str) -> Seen:
        """The first version of the status that says whose doing the failure of this commit is."""
        found = next((each for each in self.versions("brandreleases") if _blames(each[1], commit)), None)
        assert found, f"Nobody was blamed for {commit}"
        return found

    def proves(
        self, expected: "Verdict", commit: str, *, told: Callable[[str, object], None], noticed: str = ""
    ) -> Object:
        """Reason, blame, words, time, and that the site has answered. Returns what the status said at the verdict.

        noticed: what visitors had to see nevertheless, and nothing else.
        """
        at, body = self.verdict(commit)
        current: Object = body["status"]["current"]
        assert current["reason"] in expected.reasons, current["message"]
        assert current["blame"] == expected.blame, current["message"]
        assert expected.words in current["message"], current["message"]
        took = at - expected.since(self, commit)
        told("seconds to the verdict", f"{took:.1f} of {expected.grace:g}")
        assert expected.grace - ROUNDING <= took <= expected.grace + SLACK, current["message"]
        self.proves_that_visitors_noticed(noticed)
        return current

    def proves_that_visitors_noticed(self, what: str = "") -> None:
        """The site has answered every request; with `what`, no other answer was bad."""
        assert self.visitor.asked > 0
        assert all(what and what in failure for failure in self.visitor.failures), self.visitor.failures
        assert bool(self.visitor.failures) == bool(what)


Moment = Callable[[Trial, str], float]
"""When something was so, for the release of a commit."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a failure is called, whose doing it is, words of its message; and when: `grace` seconds `since` a moment."""

    reason: str | tuple[str, ...]
    blame: str
    words: str
    since: Moment
    grace: float = 0.0

    @property
    def reasons(self) -> tuple[str, ...]:
        return (self.reason,) if isinstance(self.reason, str) else self.reason


# --- moments --------------------------------------------------------------------------------------------------------------


def the_change(trial: Trial, commit: str) -> float:
    """The Deployment is changed, and goes on if somebody has paused it: the deadline counts from here."""

    def changed(body: Object) -> bool:
        return _is_of(trial, commit, body) and not body["spec"].get("paused")

    return trial.first("deployments", changed)


def a_pod_starts(trial: Trial, commit: str) -> float:
    """The kubelet takes a pod up: graces for what a pod needs count from here."""
    return trial.first("pods", lambda pod: _is_of(trial, commit, pod) and "startTime" in pod["status"])


def pods_are_refused(trial: Trial, commit: str) -> float:
    """The Deployment controller says that it cannot make the pods."""

    def refused(body: Object) -> bool:
        conditions = body.get("status", {}).get("conditions", [])
        failing = any((each["type"], each["status"]) == ("ReplicaFailure", "True") for each in conditions)
        return failing and _is_of(trial, commit, body)

    return trial.first("deployments", refused)


def container_waits_for(*reasons: str) -> Moment:
    """The kubelet says that it holds a container back for one of these reasons."""

    def moment(trial: Trial, commit: str) -> float:
        def waits(pod: Object) -> bool:
            states = [status["state"].get("waiting", {}) for status in containers(pod)]
            return _is_of(trial, commit, pod) and any(state.get("reason") in reasons for state in states)

        return trial.first("pods", waits)

    return moment


def container_has_ended(times: int) -> Moment:
    """The kubelet says that a container has ended so often."""

    def moment(trial: Trial, commit: str) -> float:
        def ended(pod: Object) -> bool:
            return _is_of(trial, commit, pod) and any(_endings(status) >= times for status in containers(pod))

        return trial.first("pods", ended)

    return moment


def pod_leaves_service(trial: Trial, commit: str) -> float:
    """A pod is not ready any more, for the last time before the verdict."""
    verdict, _ = trial.verdict(commit)
    ready: dict[str, bool] = {}
    left = 0.0
    for at, pod in trial.versions("pods"):
        name, now = pod["metadata"]["name"], is_ready(pod)
        if _is_of(trial, commit, pod) and ready.get(name) and not now and at < verdict:
            left = at
        ready[name] = now
    assert left, "No pod has left service"
    return left


def a_job_fails(trial: Trial, commit: str) -> float:
    """The Job controller gives a Job of the release up."""

    def failed(job: Object) -> bool:
        conditions = job.get("status", {}).get("conditions", [])
        is_ours = job["metadata"].get("annotations", {}).get("brandrelease.dev/commit") == commit
        return is_ours and any((each["type"], each["status"]) == ("Failed", "True") for each in conditions)

    return trial.first("jobs", failed)


def containers(pod: Object) -> list[Object]:
    """What the kubelet says of a pod's containers, init containers first."""
    status: dict[str, Any] = pod["status"]
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def _version(seen: Seen) -> str:
    return str(seen[1]["metadata"]["resourceVersion"])


def _endings(container: Object) -> int:
    """Each restart stands for one, and one more if it is down after a run."""
    down = "running" not in container["state"] and ("terminated" in container["state"] or container.get("lastState"))
    return int(container["restartCount"]) + bool(down)


def _blames(body: Object, commit: str) -> bool:
    current = body.get("status", {}).get("current", {})
    return current.get("commit") == commit and "blame" in current


def _is_of(trial: Trial, commit: str, body: Object) -> bool:
    """Whether a pod or a Deployment is of the release that failed."""
    _, failed = trial.verdict(commit)
    number = str(failed["status"]["current"]["number"])
    return bool(body["metadata"].get("labels", {}).get(RELEASE_LABEL) == number)
