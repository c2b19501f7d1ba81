"""Events about a BrandRelease on a real API server, as kubectl shows them; and what is read of others' Events and releases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from apiserver.json_api import Api
from apiserver.objects import RELEASES, brand_release
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.kube.events import KubeAnnouncer
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement
from brandrelease.core.snapshot import Fellow, PodWarning
from cluster.api import ApiServer
from support.kubectl import Kubectl

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CRASHED = Announcement(Reason.CrashLoopBackOff, "Container app exited with code 255 three times.")


class Clock:
    """Stands still until it is put forward."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


@pytest.fixture
async def kube(api_server: ApiServer) -> AsyncIterator[KubeApi]:
    opened = await KubeApi.connect(Path(api_server.kubeconfig))
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def announcer(kube: KubeApi, clock: Clock) -> KubeAnnouncer:
    return KubeAnnouncer(kube, clock, "brandrelease-0")


@pytest.fixture
def release(api: Api, namespace: str) -> BrandRelease:
    return BrandRelease.from_object(api.post(RELEASES.format(namespace), brand_release()).expect(201))


def events(api: Api, namespace: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/api/v1/namespaces/{namespace}/events").expect(200)["items"]
    return found


# --- told ------------------------------------------------------------------------------------------------------------


async def test_kubectl_describe_of_the_release_lists_what_was_announced(
    announcer: KubeAnnouncer, release: BrandRelease, kubectl: Kubectl
) -> None:
    await announcer.announce(release, CRASHED)
    shown = kubectl.run("describe", "brandrelease", release.name, "--namespace", release.namespace)
    (line,) = [line.split() for line in shown.splitlines() if CRASHED.message in line]
    assert line[:2] == ["Warning", "CrashLoopBackOff"]
    assert line[3] == "brandrelease", line


async def test_what_is_told_again_is_one_event_that_counts(
    announcer: KubeAnnouncer, release: BrandRelease, clock: Clock, api: Api, kubectl: Kubectl
) -> None:
    for minute in range(3):
        clock.time = NOW + timedelta(minutes=minute)
        await announcer.announce(release, CRASHED)
    (event,) = events(api, release.namespace)
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
        3,
        "2026-11-25T12:00:00Z",
        "2026-11-25T12:02:00Z",
    )
    assert "(x3 over" in kubectl.run("describe", "brandrelease", release.name, "--namespace", release.namespace)


async def test_another_message_or_reason_is_another_event(
    announcer: KubeAnnouncer, release: BrandRelease, api: Api
) -> None:
    for announcement in (
        CRASHED,
        Announcement(Reason.CrashLoopBackOff, "Another one."),
        Announcement(Reason.Succeeded, CRASHED.message, warning=False),
    ):
        await announcer.announce(release, announcement)
    assert sorted((each["type"], each["reason"], each["count"]) for each in events(api, release.namespace)) == [
        ("Normal", "Succeeded", 1),
        ("Warning", "CrashLoopBackOff", 1),
        ("Warning", "CrashLoopBackOff", 1),
    ]


async def test_a_long_message_keeps_its_beginning_and_the_end_of_its_log(
    announcer: KubeAnnouncer, release: BrandRelease, api: Api
) -> None:
    await announcer.announce(
        release, Announcement(Reason.CrashLoopBackOff, "It crashed: " + "é" * 2000 + " no such table")
    )
    (event,) = events(api, release.namespace)
    assert event["message"].startswith("It crashed: é")
    assert event["message"].endswith("é no such table")
    assert len(event["message"].encode()) <= 1024


async def test_the_longest_name_of_a_release_still_makes_a_name_for_an_event(
    announcer: KubeAnnouncer, api: Api, namespace: str
) -> None:
    body = brand_release({"metadata.name": "a" * 63})
    release = BrandRelease.from_object(api.post(RELEASES.format(namespace), body).expect(201))
    await announcer.announce(release, CRASHED)
    assert [each["involvedObject"]["uid"] for each in events(api, namespace)] == [release.uid]


async def test_an_event_that_cannot_be_written_is_only_logged(announcer: KubeAnnouncer, release: BrandRelease) -> None:
    elsewhere = release.model_copy(update={"namespace": "not-there"})
    with capture_logs() as logged:
        await announcer.announce(elsewhere, CRASHED)
    (entry,) = logged
    assert (entry["log_level"], entry["brandrelease"]) == ("warning", "drumeo")
    assert "not found" in entry["error"]


# --- read ------------------------------------------------------------------------------------------------------------


def about(namespace: str, name: str, kind: str = "Pod", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "e-", "namespace": namespace},
        "involvedObject": {"apiVersion": "v1", "kind": kind, "name": name, "namespace": namespace},
        "type": "Warning",
        "reason": "FailedMount",
        "message": "No such Secret.",
    } | fields


async def test_warnings_about_the_pods_are_read_newest_last(kube: KubeApi, api: Api, namespace: str) -> None:
    modern = {"reportingComponent": "default-scheduler", "reportingInstance": "s-0", "action": "Scheduling"}
    for event in (
        about(namespace, "one", lastTimestamp="2026-11-25T12:00:05Z", count=4),
        about(namespace, "one", lastTimestamp="2026-11-25T12:00:01Z", reason="Earlier"),
        about(namespace, "one", eventTime="2026-11-25T12:00:09.000000Z", reason="FailedScheduling", **modern),
        about(namespace, "one", type="Normal", reason="Pulled"),
        about(namespace, "one", kind="ReplicaSet"),
        about(namespace, "two", reason="NoTime"),
        about(namespace, "other"),
    ):
        api.post(f"/api/v1/namespaces/{namespace}/events", event).expect(201)
    found = await KubeCluster(kube, frozenset(), SystemClock().now).warnings(namespace, ["one", "two", "three"])

    def at(second: int) -> datetime:
        return NOW + timedelta(seconds=second)

    assert found == {
        "one": (
            PodWarning("Earlier", "No such Secret.", 1, at(1)),
            PodWarning("FailedMount", "No such Secret.", 4, at(5)),
            PodWarning("FailedScheduling", "No such Secret.", 1, at(9)),
        ),
        "two": (PodWarning("NoTime", "No such Secret.", 1, None),),
    }


def failed(**changes: Any) -> dict[str, Any]:
    return {
        "number": 7,
        "ref": "refs/heads/master",
        "commit": "a" * 40,
        "startedAt": "2026-11-25T11:00:00Z",
        "finishedAt": "2026-11-25T12:00:00Z",
        "outcome": "Failed",
        "reason": "ImagePullBackOff",
        "message": "No image.",
        "blame": "Platform",
    } | changes


ROLLBACK = {"number": 1, "image": "r@sha256:" + "b" * 64, "startedAt": "2026-11-25T12:00:05Z"}
IN_FLIGHT = {key: value for key, value in failed(rollback=ROLLBACK).items() if key not in {"outcome", "finishedAt"}}
RELEASES_ELSEWHERE = {
    "failed": (failed(), 0),
    "rolled-back": (failed(outcome="RolledBack", finishedAt="2026-11-25T12:00:30Z", rollback=ROLLBACK), 5),
    "on-its-way-back": (IN_FLIGHT, 5),
    "failed-before": (failed(finishedAt="2026-11-25T11:59:59Z"), None),
    "for-another-reason": (failed(reason="Unschedulable"), None),
    "by-its-own-fault": (failed(blame="Release"), None),
    "good": (failed(outcome="Succeeded"), None),
    "still-deploying": ({k: v for k, v in IN_FLIGHT.items() if k != "rollback"}, None),
    "asking": (failed(), None),
}
"""Name of a release, its status.current, and how many seconds after noon it counts as failed; None: it does not count."""


async def test_fellows_failed_for_the_same_platform_cause_since_then(kube: KubeApi, api: Api, namespace: str) -> None:
    uids = {}
    for name, (current, _) in RELEASES_ELSEWHERE.items():
        spec = {"brand": name, "environment": "production", "ref": "master"}
        body = api.post(RELEASES.format(namespace), brand_release({"metadata.name": name, "spec": spec})).expect(201)
        uids[name] = body["metadata"]["uid"]
        path = f"{RELEASES.format(namespace)}/{name}/status"
        api.merge(path, {"status": {"current": current}}).expect(200)
    cluster = KubeCluster(kube, frozenset({namespace}), SystemClock().now)
    found = await cluster.platform_failures(Reason.ImagePullBackOff, NOW, but=uids["asking"])
    expected = [
        Fellow(name, "production", 7, NOW + timedelta(seconds=after))
        for name, (_, after) in RELEASES_ELSEWHERE.items()
        if after is not None
    ]
    assert sorted(found, key=lambda fellow: fellow.brand) == sorted(expected, key=lambda fellow: fellow.brand)
    assert [fellow.failed_at for fellow in found] == sorted((fellow.failed_at for fellow in found), reverse=True)


async def test_at_most_five_fellows_are_told_of(kube: KubeApi, api: Api, namespace: str) -> None:
    for number in range(7):
        name = f"brand{number}"
        spec = {"brand": name, "environment": "production", "ref": "master"}
        api.post(RELEASES.format(namespace), brand_release({"metadata.name": name, "spec": spec})).expect(201)
        current = failed(finishedAt=f"2026-11-25T12:00:0{number}Z")
        api.merge(f"{RELEASES.format(namespace)}/{name}/status", {"status": {"current": current}}).expect(200)
    found = await KubeCluster(kube, frozenset({namespace}), SystemClock().now).platform_failures(
        Reason.ImagePullBackOff, NOW, but=""
    )
    assert [fellow.brand for fellow in found] == ["brand6", "brand5", "brand4", "brand3", "brand2"]
