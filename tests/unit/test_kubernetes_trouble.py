"""While the Kubernetes API fails, the conditions say so, and nothing else of the status changes."""

from datetime import datetime

import pytest

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, DEPLOYMENTS, EVENTS, PODS
from brandrelease.adapters.kube.questions import question
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.core.actions import DeploymentPatch
from brandrelease.core.kubernetes_trouble import Question, Trouble, headline_of
from brandrelease.core.snapshot import BrandInvalid, DeploymentView
from brandrelease.ports import KubernetesFails, StatusWritten
from support.simulation import Behaviour
from support.story import Story

READ = Question("get", "deployments", "apps", "shop")
CHANGE = Question("patch", "deployments", "apps", "shop")
BROKEN = Trouble(READ, 500, "etcdserver: request timed out")
FORBIDDEN = Trouble(READ, 403, 'deployments.apps "x" is forbidden')


class Troubled(Story):
    """The Kubernetes API fails at reading the Brand or the Deployment, at changing it, or at writing the status."""

    asking: Trouble | None = None
    reading: Trouble | None = None
    changing: Trouble | None = None
    writing: Trouble | None = None
    tries_to_write = 0

    async def brand(self, name: str, *, may_be_old: bool = False) -> Brand | BrandInvalid | None:
        if self.asking:
            raise KubernetesFails(self.asking)
        return await super().brand(name, may_be_old=may_be_old)

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None:
        if self.reading:
            raise KubernetesFails(self.reading)
        return await super().deployment(namespace, name)

    async def apply(self, patch: DeploymentPatch) -> None:
        if self.changing:
            raise KubernetesFails(self.changing)
        await super().apply(patch)

    async def write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> StatusWritten:
        self.tries_to_write += 1
        if self.writing:
            raise KubernetesFails(self.writing)
        return await super().write_status(release, status)

    def fails(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(KubernetesFails):
                self.one_pass()

    def kinds(self) -> list[str]:
        return [condition.type for condition in self.status.conditions if condition.status == "True"]


@pytest.fixture
def world(quiet: None) -> Troubled:
    """Release 1 is live."""
    story = Troubled()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    return story


def rest(status: BrandReleaseStatus) -> BrandReleaseStatus:
    """All but Ready, Reconciling and Stalled."""
    kept = tuple(c for c in status.conditions if c.type not in {"Ready", "Reconciling", "Stalled"})
    return status.model_copy(update={"conditions": kept})


def test_the_third_failed_pass_in_a_row_is_told_and_the_next_good_one_takes_it_back(world: Troubled) -> None:
    before, world.reading = world.status, BROKEN
    world.fails(2)
    assert world.status == before
    world.fails()
    assert world.headline() == ("Live", "KubernetesApiFailing")
    assert {"Reconciling"} <= set(world.kinds()), world.kinds()
    assert {"Ready", "Stalled"}.isdisjoint(world.kinds())
    assert "answers 500 when it is asked to get deployments in namespace" in world.message
    assert "etcdserver: request timed out. " in world.message
    assert rest(world.status) == rest(before)
    world.reading = None
    world.settle()
    assert rest(world.status) == rest(before)
    assert world.headline() == ("Live", "Succeeded")
    assert "Reconciling" not in world.kinds()


def test_failures_that_are_not_in_a_row_are_not_told(world: Troubled) -> None:
    for _ in range(3):
        world.reading = BROKEN
        world.fails(2)
        world.reading = None
        world.settle()
    assert world.headline() == ("Live", "Succeeded")


def test_a_right_that_is_missing_is_told_at_once_with_the_right_that_is_needed(world: Troubled) -> None:
    world.reading = FORBIDDEN
    world.fails()
    assert world.headline() == ("Live", "PermissionMissing")
    assert "Stalled" in world.kinds()
    assert "Reconciling" not in world.kinds()
    assert 'may not get deployments in namespace "shop": deployments.apps "x" is forbidden. ' in world.message
    assert 'the verb get on deployments of API group "apps" in namespace "shop" by a RoleBinding' in world.message


def test_the_same_trouble_is_written_once_whatever_its_words(world: Troubled) -> None:
    world.reading = FORBIDDEN
    world.fails()
    written = len(world.statuses)
    world.reading = Trouble(READ, 403, "forbidden, in other words")
    world.fails(3)
    assert len(world.statuses) == written
    world.reading = BROKEN
    world.fails()
    assert world.headline() == ("Live", "KubernetesApiFailing")
    assert len(world.statuses) == written + 1


def test_since_when_it_is_not_ready_does_not_change_with_another_trouble(world: Troubled) -> None:
    def since() -> datetime:
        return next(c.last_transition_time for c in world.status.conditions if c.type == "Ready")

    world.reading = FORBIDDEN
    world.fails()
    first = since()
    world.tick(30)
    world.reading = BROKEN
    world.fails(3)
    assert since() == first


def test_an_action_that_fails_again_and_again_is_told_without_a_write_in_each_pass(world: Troubled) -> None:
    commit = world.push("master", "two", Behaviour.Good)
    world.ask("master")
    world.changing = Trouble(CHANGE, 503, "the server is currently unable to handle the request")
    for _ in range(60):
        try:
            world.one_pass()
        except KubernetesFails:
            if world.headline()[1] == "KubernetesApiFailing":
                break
        world.tick(1)
    assert world.headline() == ("Deploying", "KubernetesApiFailing")
    written = len(world.statuses)
    world.fails(5)
    assert len(world.statuses) == written
    world.changing = None
    world.play_until("Live")
    assert world.status.running is not None
    assert world.status.running.commit == commit
    assert world.headline() == ("Live", "Succeeded")


def test_what_cannot_be_written_either_is_written_by_a_later_pass(world: Troubled) -> None:
    world.reading = world.writing = BROKEN
    world.fails(3)
    assert world.headline() == ("Live", "Succeeded")
    world.writing = None
    world.fails()
    assert world.headline() == ("Live", "KubernetesApiFailing")


def test_that_the_status_cannot_be_written_is_not_written(world: Troubled) -> None:
    world.ask("master")
    world.tries_to_write = 0
    world.writing = Trouble(Question("update", "brandreleases/status", "brandrelease.dev", "shop"), 429, "too many")
    for _ in range(3):
        with pytest.raises(KubernetesFails):
            world.one_pass()
    assert world.tries_to_write == 3, "one for each pass"


def test_one_in_other_hands_is_told_nothing_since_it_waits_for_a_person(world: Troubled) -> None:
    world.set_image_by_hand("registry.example.com/drumeo:meddled")
    world.settle()
    assert world.headline()[1] == "ImageOverridden"
    world.reading = FORBIDDEN
    world.fails(3)
    assert world.headline()[1] == "ImageOverridden"


def test_a_suspended_one_is_told_nothing_since_it_waits_for_nothing(world: Troubled) -> None:
    world.suspend(on=True)
    world.settle()
    world.asking = FORBIDDEN
    world.fails(3)
    assert world.headline() == ("Suspended", "Suspended")


def test_one_that_is_deleted_meanwhile_is_forgotten(world: Troubled) -> None:
    world.reading = BROKEN
    world.fails(2)
    spec, world.spec = world.spec, None
    world.one_pass()
    world.spec = spec
    world.fails(2)
    assert world.headline() == ("Live", "Succeeded")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (
            Trouble(READ, 0, "The connection broke."),
            "The connection broke. It was asked to get deployments in namespace",
        ),
        (Trouble(Question("list", "brands", "brandrelease.dev", ""), 403, "no"), "by a ClusterRoleBinding"),
        (Trouble(READ, 500, "https://me:secret@db.example.com is down"), ": https://db.example.com is down. "),
        (Trouble(READ, 500, "x" * 5000), "x…. The release"),
    ],
)
def test_the_sentence_says_what_was_asked_and_what_to_do(trouble: Trouble, words: str) -> None:
    _, message = headline_of(trouble)
    assert words in message
    assert len(message) < 1024


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("get", DEPLOYMENTS.path("shop", "web"), READ),
        ("patch", DEPLOYMENTS.path("shop", "web"), CHANGE),
        ("get", PODS.path("shop"), Question("list", "pods", "", "shop")),
        ("get", PODS.path("shop", "web-1", "log"), Question("get", "pods/log", "", "shop")),
        ("post", EVENTS.path("shop"), Question("create", "events", "", "shop")),
        ("put", BRANDS.path(None, "drumeo", "status"), Question("update", "brands/status", "brandrelease.dev", "")),
        ("get", BRAND_RELEASES.path(), Question("list", "brandreleases", "brandrelease.dev", "")),
    ],
)
def test_a_path_is_told_in_the_words_of_rights(method: str, path: str, expected: Question) -> None:
    assert question(method, path) == expected
