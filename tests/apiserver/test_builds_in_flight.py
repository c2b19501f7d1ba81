"""Which builds run already, read from the BrandReleases on a real API server: what a restarted operator must know."""

from collections.abc import Mapping
from typing import Any

from apiserver.json_api import Api
from apiserver.objects import RELEASES, brand_release
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.builds_in_flight import builds_in_flight
from brandrelease.core.builds.fairness import BuildInFlight
from cluster.api import ApiServer

NOW = "2026-01-01T00:00:00Z"
BUILD: Mapping[str, Any] = {
    "builder": "buildKit",
    "key": "k" * 64,
    "attempt": 1,
    "startedAt": NOW,
    "id": "br-drumeo-kkkkkkkkkk-1",
}
CURRENT: Mapping[str, Any] = {"number": 1, "ref": "refs/heads/master", "commit": "c" * 40, "startedAt": NOW}
IMAGE = "registry.example.com/drumeo@sha256:" + "0" * 64

STATUSES: dict[str, dict[str, Any] | None] = {
    "building": {"current": {**CURRENT, "build": BUILD}},
    "building-a-second-time": {
        "current": {**CURRENT, "build": {**BUILD, "attempt": 2, "id": "br-drumeo-kkkkkkkkkk-2"}}
    },
    "building-beside-what-is-judged": {
        "current": {**CURRENT, "image": IMAGE},
        "next": {**CURRENT, "build": {**BUILD, "builder": "codeBuild", "attempt": 3, "id": None}},
    },
    "new": None,
    "nothing-was-released-yet": {"phase": "Pending"},
    "waiting-for-its-turn": {"current": CURRENT},
    "waiting-for-ci": {"current": {**CURRENT, "build": {**BUILD, "builder": "external", "id": None}}},
    "build-ended": {"current": {**CURRENT, "build": {**BUILD, "finishedAt": NOW}}},
    "built": {"current": {**CURRENT, "build": BUILD, "image": IMAGE}},
    "replaced-while-building": {"current": {**CURRENT, "build": BUILD, "outcome": "Superseded", "finishedAt": NOW}},
}


def given(api: Api, namespace: str) -> None:
    """One BrandRelease for each status, named after it."""
    for name, status in STATUSES.items():
        api.post(RELEASES.format(namespace), brand_release({"metadata.name": name})).expect(201)
        if status:
            api.merge(f"{RELEASES.format(namespace)}/{name}/status", {"status": status}).expect(200)


async def found(server: ApiServer, namespaces: frozenset[str], page: int) -> list[BuildInFlight]:
    kube = await KubeApi.connect(server.kubeconfig)
    try:
        return await builds_in_flight(kube, namespaces, page)
    finally:
        await kube.close()


async def test_builds_that_were_started_and_have_not_ended_are_found_on_whichever_page_they_are(
    api_server: ApiServer, api: Api, namespace: str
) -> None:
    given(api, namespace)
    expected = [
        BuildInFlight(namespace, "building", "drumeo", "br-drumeo-kkkkkkkkkk-1"),
        BuildInFlight(namespace, "building-a-second-time", "drumeo", "br-drumeo-kkkkkkkkkk-2"),
        BuildInFlight(namespace, "building-beside-what-is-judged", "drumeo", "br-drumeo-kkkkkkkkkk-3"),
    ]
    for page in (1, 2, 50):
        assert await found(api_server, frozenset({namespace}), page) == expected, f"{page} on a page"


async def test_without_names_all_namespaces_are_read(api_server: ApiServer, api: Api, namespace: str) -> None:
    given(api, namespace)
    everywhere = await found(api_server, frozenset(), page=4)
    assert [build.name for build in everywhere if build.namespace == namespace] == [
        "building",
        "building-a-second-time",
        "building-beside-what-is-judged",
    ]
    assert await found(api_server, frozenset({"there-is-no-such-namespace"}), page=4) == []
