"""One story for each family of failures, on real kubelets: what it is called, whose doing it is, how soon that is known.

Some families no image can bring about alone: a Secret that is missing, a node that is full. There the site runs well until
somebody takes the thing away; pods that run do not mind, and the next release's pods cannot start. So the way back is open,
and visitors never notice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from demo.probe import Probe
from e2e.story import Story
from support import brand_site, images
from support.brand_site import Start
from support.kubectl import eventually

Given = dict[str, Any]


def nothing(story: Story) -> None:
    """For the families that are in the image alone."""


def no_more(story: Story) -> Given:
    """The Deployment is the usual one."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A way to fail. within: seconds from the patch to the verdict; site_answers: whether old pods stay all the while."""

    reason: str
    blame: str
    words: str
    within: float
    start: Start = Start.Good
    image: Mapping[str, Any] = field(default_factory=dict)
    """The configuration of the bad release's image."""
    good_image: Mapping[str, Any] = field(default_factory=dict)
    deployment: Callable[[Story], Given] = no_more
    meanwhile: Callable[[Story], None] = nothing
    """What somebody does between the good release and the bad one."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    layer_is_lost: bool = False
    site_answers: bool = True


def config_map(story: Story, **data: str) -> None:
    metadata = {"name": "shared", "namespace": story.namespace}
    story.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def config_map_is_deleted(story: Story) -> None:
    story.kubectl.delete("configmap", "shared", story.namespace)


def reads_a_secret(story: Story) -> Given:
    metadata = {"name": "payment", "namespace": story.namespace}
    story.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": "x"}})
    reference = {"secretKeyRef": {"name": "payment", "key": "key"}}
    return {"container": {"env": [{"name": "PAYMENT_KEY", "valueFrom": reference}]}}


def secret_is_deleted(story: Story) -> None:
    story.kubectl.delete("secret", "payment", story.namespace)


def mounts_a_config_map(story: Story) -> Given:
    config_map(story, colour="blue")
    volumes = [{"name": "state", "emptyDir": {}}, {"name": "shared", "configMap": {"name": "shared"}}]
    mounts = [{"name": "state", "mountPath": "/state"}, {"name": "shared", "mountPath": "/shared"}]
    return {"volumes": volumes, "container": {"volumeMounts": mounts}}


def wants_an_ordinary_user(story: Story) -> Given:
    return {"securityContext": {"runAsNonRoot": True}}


def checks_the_schema_first(story: Story) -> Given:
    """Its init container is content with version 1 of something that all brands share."""
    config_map(story, schema="1")
    reference = {"configMapKeyRef": {"name": "shared", "key": "schema"}}
    check = 'test "$SCHEMA" = 1 || { echo "error: the schema is $SCHEMA and not 1"; exit 7; }'
    init = {
        "name": "check",
        "image": images.push(images.BUSYBOX, story.cluster),
        "command": ["/bin/sh", "-c", check],
        "env": [{"name": "SCHEMA", "valueFrom": reference}],
    }
    return {"initContainers": [init]}


def schema_is_changed(story: Story) -> None:
    config_map(story, schema="2")


def is_probed_for_life(story: Story) -> Given:
    page = {"httpGet": {"path": "/", "port": brand_site.PORT}, "periodSeconds": 1, "failureThreshold": 3}
    return {"container": {"livenessProbe": page}}


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


FAMILIES = {
    "image-gone": Family(
        layer_is_lost=True, reason="ImageNotFound", blame="Unknown", words="is not in the registry", within=20
    ),
    "crash": Family(
        start=Start.CrashAtStart,
        reason="CrashLoopBackOff",
        blame="Release",
        words="exited with code 255 twice",
        within=15,
    ),
    "memory": Family(
        start=Start.OutOfMemory, reason="OOMKilled", blame="Release", words="memory limit of 64Mi", within=20
    ),
    "no-command": Family(
        image={"Cmd": ["/no-such-program"]},
        reason="StartError",
        blame="Release",
        words="/no-such-program",
        within=15,
    ),
    "root": Family(
        deployment=wants_an_ordinary_user,
        good_image={"User": "1000"},
        reason="RunAsNonRoot",
        blame="Release",
        words="root",
        within=10,
    ),
    "no-secret": Family(
        deployment=reads_a_secret,
        meanwhile=secret_is_deleted,
        reason="CreateContainerConfigError",
        blame="Unknown",
        words='secret "payment" not found',
        within=38,
    ),
    "no-volume": Family(
        deployment=mounts_a_config_map,
        meanwhile=config_map_is_deleted,
        reason="VolumeSourceNotFound",
        blame="Unknown",
        words='configmap "shared" not found',
        within=38,
    ),
    "init": Family(
        deployment=checks_the_schema_first,
        meanwhile=schema_is_changed,
        reason="CrashLoopBackOff",
        blame="Release",
        words='nit container "check"',
        within=20,
    ),
    "liveness": Family(
        start=Start.SlowForever,
        deployment=is_probed_for_life,
        reason="LivenessProbeFailed",
        blame="Release",
        words="iveness probe",
        within=30,
    ),
    "never-ready": Family(
        start=Start.NeverReady,
        environment={"progressDeadlineSeconds": 10},
        reason="PodNotReady",
        blame="Release",
        words="readiness probe",
        within=15,
    ),
    "flapping": Family(
        start=Start.Flaps,
        environment={"soakSeconds": 40},
        reason="PodNotReady",
        blame="Release",
        words="has left service",
        within=45,
        site_answers=False,  # it is seen only when all pods are new
    ),
    "quota": Family(
        meanwhile=quota_is_used_up,
        environment={"progressDeadlineSeconds": 10},
        reason="ExceededQuota",
        blame="Platform",
        words="exceeded quota: small",
        within=15,
    ),
    "policy": Family(
        meanwhile=pods_are_restricted,
        reason="AdmissionDenied",
        blame="Unknown",
        words='violates PodSecurity "restricted',
        within=25,
    ),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_family(story: Story, family: Family, record_property: Callable[[str, object], None]) -> None:
    """Back by itself and in time; only a commit that is to blame is quarantined; visitors notice nothing."""
    good = a_live_site(story, family.good_image, **family.deployment(story))
    good_image = story.image
    family.meanwhile(story)
    story.brand(**family.environment)
    with Probe(address(story)) as visitor:
        bad = story.push(family.start, **family.image)
        if family.layer_is_lost:
            story.lose_layer(bad)
        story.release()
        status = story.becomes("RolledBack", commit=bad)
    current = status["current"]
    assert (current["reason"], current["blame"]) == (family.reason, family.blame), current["message"]
    assert family.words in current["message"]
    record_property("seconds from the patch to the verdict", seconds_to_verdict(status))
    assert seconds_to_verdict(status) <= family.within
    assert status["running"]["commit"] == good
    assert story.image == good_image
    assert story.page() == "first page"
    quarantined = [entry["commit"] for entry in status.get("quarantine", [])]
    assert quarantined == ([bad] if family.blame == "Release" else [])
    assert ("retry" in current) == (family.blame == "Platform")
    assert visitor.asked > 0
    assert not (visitor.failures and family.site_answers), visitor.failures


def test_no_node(story: Story, record_property: Callable[[str, object], None]) -> None:
    """The platform is to blame: when it is mended, the same commit is tried again by itself."""
    label = f"brandrelease.test/{story.name}"
    with labelled_nodes(story, label):
        a_live_site(story, nodeSelector={label: "here"})
        story.brand(progressDeadlineSeconds=10)
        story.kubectl.run("label", "nodes", "--all", f"{label}-")
        with Probe(address(story)) as visitor:
            commit = story.push(text="second page")
            story.release()
            status = story.becomes("RolledBack", "Unschedulable", commit)
        record_property("seconds from the patch to the verdict", seconds_to_verdict(status))
        assert status["current"]["blame"] == "Platform"
        assert "finds no node" in status["current"]["message"]
        assert seconds_to_verdict(status) <= 15
        assert status["current"]["retry"]["number"] == 2
        assert not status.get("quarantine")
        assert story.page() == "first page"
        assert not visitor.failures
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


def a_live_site(story: Story, image: Mapping[str, Any] | None = None, **deployment: Any) -> str:
    """A site whose first release is live; ``image`` is the configuration of its images. Returns its commit."""
    config = dict(image or {})
    story.brand()
    by_hand = brand_site.push_image(story.cluster, story.image_repository, "by-hand", Start.Good, "by hand", **config)
    story.deployment(image=by_hand, **deployment)
    story.is_rolled_out()
    story.operator.start()
    commit = story.push(text="first page", **config)
    story.release()
    story.becomes("Live", commit=commit)
    return commit


def address(story: Story) -> str:
    """What visitors ask for."""
    service = story.kubectl.get("service", "site", story.namespace) or {}
    return f"http://{service['spec']['clusterIP']}/"


def seconds_to_verdict(status: Mapping[str, Any]) -> float:
    """From the change of the Deployment to the decision to go back."""
    current = status["current"]
    patched, seen = (datetime.fromisoformat(current[step]["startedAt"]) for step in ("rollout", "rollback"))
    return (seen - patched).total_seconds()
