"""One story for each family of failures of the pods: what it is called, whose doing it is, how soon that is known.

Some families no image can bring about alone: a Secret that is missing, a sidecar that ends. There the site runs well until
somebody takes the thing away; pods that run do not mind, and the next release's pods cannot start. So the way back is open,
and visitors never notice. What the platform brings about is in test_platform.py.
"""

import pytest

from e2e.family import DRAINS, Family, Given, Told, prove
from e2e.story import Story
from e2e.trial import (
    Verdict,
    a_pod_starts,
    container_has_ended,
    container_waits_for,
    pod_leaves_service,
    the_change,
)
from support import brand_site, images
from support.brand_site import Start


def config_map(story: Story, **data: str) -> None:
    metadata = {"name": "shared", "namespace": story.namespace}
    story.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def config_map_is_deleted(story: Story) -> None:
    story.kubectl.delete("configmap", "shared", story.namespace)


def reads_a_secret(story: Story) -> Given:
    story.withholds_logs()
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
    return {"initContainers": [knows_schema_1(story, "check")]}


def has_a_proxy_beside_it(story: Story) -> Given:
    """A sidecar that starts with version 1 of something that all brands share, and then stays.

    It has a startup probe, as sidecars should: without one the site starts beside a proxy that is about to end, counts as ready
    for that moment, and may have taken the place of the old pods by then.
    """
    probe = {"exec": {"command": ["/bin/test", "-e", "/started"]}, "periodSeconds": 1}
    proxy = knows_schema_1(story, "proxy", "; touch /started; exec sleep 100000")
    return {"initContainers": [proxy | {"restartPolicy": "Always", "startupProbe": probe}]}


def knows_schema_1(story: Story, name: str, then: str = "") -> Given:
    config_map(story, schema="1")
    reference = {"configMapKeyRef": {"name": "shared", "key": "schema"}}
    check = 'test "$SCHEMA" = 1 || { echo "error: the schema is $SCHEMA and not 1"; exit 7; }'
    return {
        "name": name,
        "image": images.push(images.BUSYBOX, story.cluster),
        "command": ["/bin/sh", "-c", check + then],
        "env": [{"name": "SCHEMA", "valueFrom": reference}],
    }


def schema_is_changed(story: Story) -> None:
    config_map(story, schema="2")


def warms_up_its_page(story: Story) -> Given:
    """A hook of the Deployment calls what is in the image."""
    warm = 'read -r page < /www/index.html; test "$page" != "cold page" || { echo "the cache stays cold"; exit 9; }'
    return {"container": {"lifecycle": {"postStart": {"exec": {"command": ["/bin/sh", "-c", warm]}}}}}


def is_probed_for_life(story: Story) -> Given:
    page = {"httpGet": {"path": "/", "port": brand_site.PORT}, "periodSeconds": 1, "failureThreshold": 3}
    return {"container": {"livenessProbe": page}}


def says_itself_whether_it_is_ready(story: Story) -> Given:
    """Only one pod of the site can hold what all of them share: the one that flaps, while the other serves."""
    shared = story.directory / "shared"
    shared.mkdir()
    volumes = [{"name": "state", "emptyDir": {}}, {"name": "shared", "hostPath": {"path": str(shared)}}]
    mounts = [{"name": "state", "mountPath": "/state"}, {"name": "shared", "mountPath": "/shared"}]
    is_free = {"exec": {"command": ["/bin/sh", "-c", "test ! -e /state/busy"]}}
    probe = {**is_free, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 1}
    return {
        **DRAINS,
        "volumes": volumes,
        "container": {**DRAINS["container"], "volumeMounts": mounts, "readinessProbe": probe},
    }


def nodes_may_not_pull(story: Story) -> None:
    """The nodes have the image that runs, and no other."""
    story.patch_pods({"containers": [{"name": "app", "imagePullPolicy": "Never"}]})
    story.is_rolled_out()


FAMILIES = {
    "image-gone": Family(
        layer_is_lost=True,
        verdict=Verdict(
            reason="ImageNotFound", blame="Unknown", words="is not in the registry", since=a_pod_starts, grace=10
        ),
    ),
    "never-pulled": Family(
        meanwhile=nodes_may_not_pull,
        verdict=Verdict(
            reason="ErrImageNeverPull",
            blame="Unknown",
            words="imagePullPolicy Never forbids to pull it",
            since=container_waits_for("ErrImageNeverPull"),
        ),
    ),
    "crash": Family(
        start=Start.CrashAtStart,
        verdict=Verdict(
            reason="CrashLoopBackOff",
            blame="Release",
            words="exited with code 255 twice",
            since=container_has_ended(2),
        ),
    ),
    "memory": Family(
        start=Start.OutOfMemory,
        verdict=Verdict(
            reason="OOMKilled", blame="Release", words="memory limit of 64Mi", since=container_has_ended(2)
        ),
    ),
    "no-command": Family(
        image={"Cmd": ["/no-such-program"]},
        verdict=Verdict(reason="StartError", blame="Release", words="/no-such-program", since=container_has_ended(2)),
    ),
    "root": Family(
        deployment=wants_an_ordinary_user,
        good_image={"User": "1000"},
        verdict=Verdict(
            reason="RunAsNonRoot",
            blame="Release",
            words="root",
            since=container_waits_for("CreateContainerConfigError"),
        ),
    ),
    "no-secret": Family(
        deployment=reads_a_secret,
        meanwhile=secret_is_deleted,
        verdict=Verdict(
            reason="CreateContainerConfigError",
            blame="Unknown",
            words='secret "payment" not found',
            since=a_pod_starts,
            grace=30,
        ),
    ),
    "no-volume": Family(
        deployment=mounts_a_config_map,
        meanwhile=config_map_is_deleted,
        verdict=Verdict(
            reason="VolumeSourceNotFound",
            blame="Unknown",
            words='configmap "shared" not found',
            since=a_pod_starts,
            grace=30,
        ),
    ),
    "init": Family(
        deployment=checks_the_schema_first,
        meanwhile=schema_is_changed,
        verdict=Verdict(
            reason="CrashLoopBackOff",
            blame="Release",
            words='nit container "check"',
            since=container_has_ended(2),
        ),
    ),
    "sidecar": Family(
        deployment=has_a_proxy_beside_it,
        meanwhile=schema_is_changed,
        verdict=Verdict(
            reason="CrashLoopBackOff",
            blame="Release",
            words='idecar container "proxy"',
            since=container_has_ended(2),
        ),
    ),
    "post-start": Family(
        deployment=warms_up_its_page,
        text="cold page",
        verdict=Verdict(
            reason="PostStartHookError",
            blame="Release",
            words="postStart hook fails",
            since=container_has_ended(2),
        ),
    ),
    "liveness": Family(
        start=Start.SlowForever,
        deployment=is_probed_for_life,
        verdict=Verdict(
            reason="LivenessProbeFailed", blame="Release", words="iveness probe", since=container_has_ended(2)
        ),
    ),
    "never-ready": Family(
        start=Start.NeverReady,
        environment={"progressDeadlineSeconds": 10},
        verdict=Verdict(reason="PodNotReady", blame="Release", words="readiness probe", since=the_change, grace=10),
    ),
    "flapping": Family(
        start=Start.Flaps,
        deployment=says_itself_whether_it_is_ready,
        environment={"soakSeconds": 40},
        verdict=Verdict(
            reason="PodNotReady", blame="Release", words="has left service three times", since=pod_leaves_service
        ),
    ),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_family(story: Story, family: Family, record_property: Told) -> None:
    prove(story, family, record_property)
