"""What the platform, and not the commit, brings about: who is told to be to blame, how soon, and that it is tried again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.family import Family, Given, Told, a_live_site, prove, quarantined
from e2e.registry_story import RegistryStory, Trouble
from e2e.story import Story
from e2e.trial import Trial, Verdict, pods_are_refused, the_change
from support.kubectl import eventually

DEADLINE = 10.0
SOON: Given = {"progressDeadlineSeconds": int(DEADLINE)}
PULLING = ("ErrImagePull", "ImagePullBackOff")
"""The kubelet says the one when it has tried, and the other while it waits for its next try."""


def quota_is_used_up(story: Story) -> None:
    metadata = {"name": "small", "namespace": story.namespace}
    story.kubectl.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "2"}}}
    )

    def used() -> str:
        quota = story.kubectl.get("resourcequota", "small", story.namespace) or {}
        return str(quota.get("status", {}).get("used", {}).get("pods", ""))

    eventually(lambda: used() == "2", 30, used)


def pods_are_restricted(story: Story) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    story.kubectl.run("label", "namespace", story.namespace, label)


def runs_as_an_account(story: Story) -> Given:
    metadata = {"name": "site", "namespace": story.namespace}
    story.kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    return {"serviceAccountName": "site"}


def account_is_deleted(story: Story) -> None:
    story.kubectl.delete("serviceaccount", "site", story.namespace)


def mounts_a_directory(story: Story) -> Given:
    """As a share that every node has mounted."""
    share = story.directory / "share"
    share.mkdir()
    path = {"path": str(share), "type": "Directory"}
    volumes = [{"name": "state", "emptyDir": {}}, {"name": "share", "hostPath": path}]
    mounts = [{"name": "state", "mountPath": "/state"}, {"name": "share", "mountPath": "/share", "readOnly": True}]
    return {"volumes": volumes, "container": {"volumeMounts": mounts}}


def directory_goes_away(story: Story) -> None:
    (story.directory / "share").rename(story.directory / "elsewhere")


def no_room_after(seconds: float) -> Verdict:
    return Verdict(
        reason="ExceededQuota", blame="Platform", words="exceeded quota: small", since=the_change, grace=seconds
    )


FAMILIES = {
    "quota": Family(
        meanwhile=quota_is_used_up,
        environment=SOON,
        verdict=no_room_after(DEADLINE),
    ),
    "policy": Family(
        meanwhile=pods_are_restricted,
        verdict=Verdict(
            reason="AdmissionDenied",
            blame="Unknown",
            words='violates PodSecurity "restricted',
            since=pods_are_refused,
            grace=15,
        ),
    ),
    "no-account": Family(
        deployment=runs_as_an_account,
        meanwhile=account_is_deleted,
        verdict=Verdict(
            reason="ServiceAccountNotFound",
            blame="Unknown",
            words='serviceaccount "site" not found',
            since=pods_are_refused,
            grace=30,
        ),
    ),
    "no-mount": Family(
        deployment=mounts_a_directory,
        meanwhile=directory_goes_away,
        environment=SOON,
        verdict=Verdict(
            reason="FailedMount",
            blame="Platform",
            words="hostPath type check failed",
            since=the_change,
            grace=DEADLINE,
        ),
    ),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_family(story: Story, family: Family, record_property: Told) -> None:
    prove(story, family, record_property)


def test_webhook_that_is_down(story: Story, record_property: Told) -> None:
    """It is asked about every pod, and nobody answers for it."""
    a_live_site(story)
    image = story.image
    story.brand(**SOON)
    with webhook_that_is_down(story), Trial(story) as trial:
        commit = story.push(text="second page")
        story.release()
        status = story.becomes("RolledBack", "FailedCreate", commit)
    verdict = Verdict(
        reason="FailedCreate", blame="Platform", words="failed calling webhook", since=the_change, grace=DEADLINE
    )
    trial.proves(verdict, commit, told=record_property)
    assert story.image == image
    assert not quarantined(status)
    assert status["current"]["retry"]["number"] == 2


@contextmanager
def webhook_that_is_down(story: Story) -> Iterator[None]:
    """It is the whole cluster's, and asks about this story's pods only."""
    name = f"{story.name}.brandrelease.test"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    webhook = {
        "name": name,
        "clientConfig": {"url": f"https://{story.cluster.host_address}:9/"},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": story.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    kind = "ValidatingWebhookConfiguration"
    metadata = {"name": name}
    story.kubectl.apply(
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata, "webhooks": [webhook]}
    )
    try:
        yield
    finally:
        story.kubectl.delete(kind, name)


TROUBLES: dict[str, tuple[Trouble, str]] = {
    "dead": (RegistryStory.registry_dies, "connection refused"),
    "overloaded": (RegistryStory.registry_is_overloaded, "503 Service Unavailable"),
}


@pytest.mark.parametrize(("trouble", "words"), TROUBLES.values(), ids=TROUBLES)
def test_registry_is(registry_story: RegistryStory, trouble: Trouble, words: str, record_property: Told) -> None:
    """From before the first node has pulled. The way back needs no registry."""
    story = registry_story
    good, image = a_live_site(story), story.image
    story.brand(**SOON)
    commit = story.push(text="second page")
    with Trial(story) as trial:
        story.release_while_paused(commit, lambda: trouble(story))
        status = story.becomes("RolledBack", commit=commit)
    verdict = Verdict(reason=PULLING, blame="Platform", words=words, since=the_change, grace=DEADLINE)
    trial.proves(verdict, commit, told=record_property)
    assert (status["running"]["commit"], story.image) == (good, image)
    assert not quarantined(status)
    assert status["current"]["retry"]["number"] == 2
    assert "It is tried again by itself at" in status["current"]["message"]


def test_no_node(story: Story, record_property: Told) -> None:
    """When the platform is mended, the same commit is tried again by itself."""
    label = f"brandrelease.test/{story.name}"
    with labelled_nodes(story, label):
        a_live_site(story, nodeSelector={label: "here"})
        story.brand(**SOON)
        story.kubectl.run("label", "nodes", "--all", f"{label}-")
        with Trial(story) as trial:
            commit = story.push(text="second page")
            story.release()
            status = story.becomes("RolledBack", "Unschedulable", commit)
        verdict = Verdict(
            reason="Unschedulable", blame="Platform", words="finds no node", since=the_change, grace=DEADLINE
        )
        trial.proves(verdict, commit, told=record_property)
        assert status["current"]["retry"]["number"] == 2
        assert not quarantined(status)
        assert story.page() == "first page"
        story.brand()
        story.kubectl.run("label", "nodes", "--all", f"{label}=here", "--overwrite")
        status = story.becomes("Live", commit=commit)
        assert story.page() == "second page"
        assert status["current"]["tries"] == 2


@contextmanager
def labelled_nodes(story: Story, label: str) -> Iterator[None]:
    """The nodes are everybody's: what a story puts on them goes with it."""
    story.kubectl.run("label", "nodes", "--all", f"{label}=here", "--overwrite")
    try:
        yield
    finally:
        story.kubectl.run("label", "nodes", "--all", f"{label}-")


def test_two_brands_at_the_same_time(two_stories: tuple[Story, Story], record_property: Told) -> None:
    """Who reads of the later failure is told that it is not the only one."""
    one, two = two_stories
    for story in two_stories:
        a_live_site(story)
        quota_is_used_up(story)
    one.brand(progressDeadlineSeconds=int(DEADLINE))
    two.brand(progressDeadlineSeconds=int(DEADLINE) + 5)
    with Trial(one) as first, Trial(two) as second:
        commits = [story.push(text="second page") for story in two_stories]
        for story in two_stories:
            story.release()
        for story, commit in zip(two_stories, commits, strict=True):
            story.becomes("RolledBack", commit=commit)
    first.proves(no_room_after(DEADLINE), commits[0], told=record_property)
    said = second.proves(no_room_after(DEADLINE + 5), commits[1], told=record_property)["message"]
    assert f"The same has happened to {one.name}/production (release 2, " in said
    assert "so look at the platform and not at the commit" in said
    assert "The same has happened" in two.message, "it is still told when all is over"


def test_two_brands_in_the_same_moment(two_stories: tuple[Story, Story]) -> None:
    """Kubernetes notes changes in whole seconds, so both deadlines pass at once: somebody is told all the same."""
    for story in two_stories:
        a_live_site(story)
        quota_is_used_up(story)
        story.brand(**SOON)
    commits = [story.push(text="second page") for story in two_stories]
    eventually(a_second_has_just_begun, 20)
    for story in two_stories:
        story.release()
    said = [
        story.becomes("RolledBack", commit=commit)["current"]["message"]
        for story, commit in zip(two_stories, commits, strict=True)
    ]
    assert any("The same has happened to" in message for message in said), said


def a_second_has_just_begun() -> bool:
    return time.clock_gettime(time.CLOCK_REALTIME) % 1 < 0.3
