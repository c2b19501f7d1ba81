"""What the operator says and does where a right is missing, and what it does with rights that other stories do not need."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apiserver.json_api import Api
from apiserver.objects import RELEASES
from e2e.story import Story
from support.brand_site import Start
from support.kubectl import eventually
from support.permissions_audit import expect_denial


@pytest.mark.alone
def test_all_namespaces(story_in_all_namespaces: Story) -> None:
    """It says what it needs, begins when it has it, and reads no Secret of a site that it was not given."""
    story = story_in_all_namespaces
    expect_denial(story.cluster.run_directory, story.own, "list", "brandreleases.brandrelease.dev")
    story.withholds_logs()
    metadata = {"name": "key", "namespace": story.namespace}
    story.kubectl.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": "swordfish"}}
    )
    story.brand()
    story.deployment(container={"envFrom": [{"secretRef": {"name": "key"}}]})
    story.is_rolled_out()
    story.operator.start()
    eventually(lambda: "rbac.mode ClusterWide" in story.operator.last_lines(), 20)
    story.account.see_everything()
    good = story.push(text="first page")
    story.release()
    story.becomes("Live", commit=good)
    bad = story.push(Start.CrashAtStart)
    story.release()
    status = story.becomes("RolledBack", commit=bad)
    [release] = [past for past in status["history"] if past["commit"] == bad]
    assert f'Allow the operator to \\"get\\" secrets in namespace \\"{story.namespace}\\"' in json.dumps(status), (
        release
    )
    assert "swordfish" not in json.dumps(story.object)


def test_what_is_said_again_is_counted(story: Story) -> None:
    """Of a Brand and of a BrandRelease; the second time it is the same Event."""
    wrong = {"url": story.repository.url, "secretName": "git"}
    story.push()
    story.deployment()
    story.operator.start()
    for count in (1, 2):
        story.brand(source=wrong)
        eventually(lambda count=count: counts(story, "Brand") == count, 30, story.operator.last_lines)  # type: ignore[misc]
        story.brand()
        eventually(lambda: brand_is_ready(story), 30, story.operator.last_lines)
        story.release("nowhere")
        eventually(lambda count=count: counts(story, "BrandRelease") == count, 30, lambda: story.status)  # type: ignore[misc]
        story.release("nowhere", suspend=True)
        story.becomes("Suspended")


def test_an_object_that_somebody_writes_all_the_time_is_released_all_the_same(story: Story) -> None:
    """Its status is then not replaced but exchanged, which is another right."""
    story.brand()
    story.deployment()
    story.operator.start()
    commit = story.push()
    story.release()
    with writing_all_the_time(story):
        story.becomes("Live", commit=commit)
        eventually(lambda: 'method="PATCH",resource="brandreleases/status"' in metrics(story), 30)


@contextmanager
def writing_all_the_time(story: Story) -> Iterator[None]:
    """Somebody annotates the BrandRelease, as fast as the API server takes it."""
    api, ended = Api(story.cluster.kubeconfig), threading.Event()
    path = f"{RELEASES.format(story.namespace)}/{story.name}"

    def write() -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            api.merge(path, {"metadata": {"annotations": {"example.com/count": str(number)}}}).expect(200)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for each in writers:
        each.start()
    try:
        yield
    finally:
        ended.set()
        for each in writers:
            each.join(10)


def metrics(story: Story) -> str:
    return story.operator.get("/metrics")


def counts(story: Story, kind: str) -> int:
    """How often the Warning about the story's object was said that was said most."""
    namespace = story.namespace if kind == "BrandRelease" else "default"
    uid = (story.kubectl.get(kind.lower(), story.name, story.namespace) or {})["metadata"]["uid"]
    found = [event for event in story.kubectl.list("events", namespace) if event["type"] == "Warning"]
    return max((int(event["count"]) for event in found if event["involvedObject"].get("uid") == uid), default=0)


def brand_is_ready(story: Story) -> bool:
    brand = story.kubectl.get("brand", story.name) or {}
    ready = [each["status"] for each in brand["status"]["conditions"] if each["type"] == "Ready"]
    return ready == ["True"] and brand["status"]["observedGeneration"] == brand["metadata"]["generation"]
