"""Somebody else's hand on the image, at every moment of a release: the operator says whose it is, and leaves it so.

What it does is counted by the proxy in front of the API server: changes of the Deployment, and writes of the status.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from apiserver.json_api import Api
from apiserver.operated_site import SETTLE, Object, Site, is_apply, is_change, is_status_write
from support.fault_proxy import Request
from support.kubectl import Kubectl

TOOL: Final = "argocd-controller"
THEIRS: Final = "registry.example.com/gitops:1"
OTHERS: Final = "registry.example.com/gitops:2"

EVERY: Final = 0.5
QUICK: Final = 0.06
"""Seconds between a tool's writes; a quick one writes between our change and our next look at it."""

FIGHT: Final = 15.0
"""Seconds for which the tool insists."""

pytestmark = pytest.mark.timeout(75, func_only=True)


# --- where release 2 stands ---------------------------------------------------------------------------------------------


def deploying(site: Site) -> None:
    """The Deployment is changed, and its pods do not change over."""
    site.controller.sees_no_new_pods.set()
    asks_for_two(site)
    site.until("it is deployed", lambda: phase(site) == "Deploying" and sees_its_change(site, "rollout"), SETTLE)


def verifying(site: Site) -> None:
    """All pods are new, and they are watched for a while."""
    site.change_environment(soakSeconds=8)
    asks_for_two(site)
    site.until("it is watched", lambda: phase(site) == "Verifying", SETTLE)


def live(site: Site) -> None:
    asks_for_two(site)
    site.until("it is live", lambda: has_come_to(site, "Live"), SETTLE)


def rolling_back(site: Site) -> None:
    """The pods have not changed over in time, and do not change back."""
    site.change_environment(progressDeadlineSeconds=5)
    deploying(site)
    site.until("it is rolled back", lambda: phase(site) == "RollingBack" and sees_its_change(site, "rollback"), SETTLE)


def rolled_back(site: Site) -> None:
    rolling_back(site)
    site.controller.sees_no_new_pods.clear()
    site.until("it is back", lambda: phase(site) == "RolledBack", SETTLE)


STANDS: Final = {
    "Deploying": deploying,
    "Verifying": verifying,
    "Live": live,
    "RollingBack": rolling_back,
    "RolledBack": rolled_back,
}


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, site: Site) -> str:
    """Release 1 is live, or was, and release 2 has come to this phase."""
    site.brand()
    site.start()
    site.is_live("one")
    STANDS[request.param](site)
    return str(request.param)


def asks_for_two(site: Site) -> None:
    site.push("two")
    site.release("two")


def phase(site: Site) -> str:
    return str(site.status().get("phase"))


def has_come_to(site: Site, end: str) -> bool:
    """Whether release 2 has."""
    status = site.status()
    return (status["phase"], status["current"]["number"]) == (end, 2)


def sees_its_change(site: Site, step: str) -> bool:
    return "seenOn" in site.status()["current"].get(step, {})


def image(site: Site) -> str:
    return str(site.deployment()["spec"]["template"]["spec"]["containers"][0]["image"])


def ready(site: Site) -> Object:
    return next(dict(each) for each in site.status()["conditions"] if each["type"] == "Ready")


def is_told(site: Site, who: str, what: str) -> bool:
    told = ready(site)
    return told["reason"] == "ImageOverridden" and f'"{who}"' in told["message"] and what in told["message"]


# --- whose hand -----------------------------------------------------------------------------------------------------------


class Tool:
    """Somebody who writes again and again. `write` is called with an image, one after the other, for ever."""

    def __init__(self, write: Callable[[str], object], *images: str, every: float = EVERY) -> None:
        self._write, self._images, self._every, self.writes = write, itertools.cycle(images), every, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._write(next(self._images))
            self.writes += 1
            self._ended.wait(self._every)


def syncs(site: Site, api: Api) -> Callable[[str], object]:
    """Server-side apply with force, as GitOps tools do it."""

    def write(wanted: str) -> None:
        containers = [{"name": "app", "image": wanted}]
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "spec": {"template": {"spec": {"containers": containers}}},
        }
        name = site.deployment()["metadata"]["name"]
        api.apply(site.deployment_path(), body | {"metadata": {"name": name}}, TOOL, force=True).expect(200)

    return write


def replaces(site: Site, api: Api) -> Callable[[str], object]:
    """The whole object as it stands in Git, which knows no mark of ours (`kubectl replace`, Argo CD's Replace=true)."""

    def write(wanted: str) -> None:
        path = site.deployment_path()
        body = site.plain_deployment() | {"status": {}}
        body["spec"]["template"]["spec"]["containers"][0]["image"] = wanted
        api.put(path, body, fieldManager=TOOL).expect(200)

    return write


def reads_the_deployment(request: Request) -> bool:
    return request.method == "GET" and "/deployments/" in request.path


def changes(site: Site, since: float) -> list[Request]:
    """What the operator has changed of the Deployment."""
    return [each for each in site.proxy.since(since) if is_change(each)]


def status_writes(site: Site, since: float) -> int:
    return sum(is_status_write(each) for each in site.proxy.since(since))


def few(stand: str) -> int:
    """Statuses that tell of it at most: one that was on its way, and whose image it is; before that a rollback is given up."""
    return 3 if stand == "RollingBack" else 2


# --- a tool that insists --------------------------------------------------------------------------------------------------


def test_a_tool_that_insists_on_its_image_is_named_and_not_answered_by_a_single_change(
    site: Site, api: Api, stand: str
) -> None:
    before, ours, start = site.status(), image(site), time.monotonic()
    with Tool(syncs(site, api), THEIRS).at_work():
        site.until("it is told whose image it is", lambda: is_told(site, TOOL, THEIRS), SETTLE)
        time.sleep(FIGHT)
    assert changes(site, start) == []
    assert status_writes(site, start) <= few(stand)
    assert phase(site) == "Blocked"
    assert ours in ready(site)["message"]
    assert site.status()["running"] == before["running"], "what was good last is what a rollback goes to"


def test_a_tool_that_writes_another_image_each_time_costs_one_status_each_at_most_and_no_change(
    site: Site, api: Api, stand: str
) -> None:
    start = time.monotonic()
    tool = Tool(syncs(site, api), THEIRS, OTHERS)
    with tool.at_work():
        site.until("it has written often", lambda: tool.writes >= 10, SETTLE)
    assert changes(site, start) == []
    assert status_writes(site, start) <= tool.writes + few(stand) - 1


@pytest.mark.parametrize("insists", [syncs, replaces])
def test_a_tool_that_was_there_before_the_release_gets_its_image_back_after_one_change_of_ours(
    site: Site, api: Api, insists: Callable[[Site, Api], Callable[[str], object]]
) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    start = time.monotonic()
    with Tool(insists(site, api), THEIRS, every=QUICK).at_work():
        site.until("it is told whose image it is", lambda: is_told(site, TOOL, THEIRS), SETTLE)
        site.controller.sees_no_new_pods.set()
        asks_for_two(site)
        site.until("it is deployed", lambda: changes(site, start), SETTLE)
        time.sleep(FIGHT)
    assert len(changes(site, start)) == 1
    assert status_writes(site, start) <= 6


def test_a_tool_that_replaces_the_object_before_we_have_heard_of_our_own_change_is_not_answered(
    site: Site, api: Api
) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    site.controller.sees_no_new_pods.set()
    site.until("it is played", lambda: site.deployment()["status"].get("updatedReplicas", 0) == 0, SETTLE)
    start, write = time.monotonic(), replaces(site, api)
    with site.proxy.fault(is_apply, after=lambda: write(THEIRS), times=1):
        asks_for_two(site)
        site.until("it is told whose image it is", lambda: is_told(site, TOOL, THEIRS), SETTLE)
    time.sleep(2)  # that nothing happens can only be waited for
    assert len(changes(site, start)) == 1
    assert phase(site) == "Blocked"


@pytest.mark.parametrize("meanwhile", ["nothing", "a change"])
@pytest.mark.parametrize("ends", ["Live", "RolledBack"])
def test_a_deployment_that_is_shown_as_it_was_before_our_change_is_nobodys_hand(
    site: Site, ends: str, meanwhile: str
) -> None:
    site.brand(deadline=8)
    site.start()
    start, marked = time.monotonic(), set[int]()

    def marks_once() -> None:
        """The watch tells of something after each change of ours, while the old answer is under way."""
        number = len(changes(site, start))
        if meanwhile == "a change" and number not in marked:
            marked.add(number)
            site.api.merge(site.deployment_path(), {"metadata": {"annotations": {"marked": str(number)}}}).expect(200)
            time.sleep(0.3)

    with site.proxy.fault(reads_the_deployment, before=marks_once, stale=True) as fault:
        site.is_live("one")
        if ends == "RolledBack":
            site.controller.sees_no_new_pods.set()
        asks_for_two(site)
        site.until("it is rolled back", lambda: ends == "Live" or phase(site) == "RollingBack", SETTLE)
        site.controller.sees_no_new_pods.clear()
        site.until(f"it is {ends}", lambda: has_come_to(site, ends), SETTLE)
    assert fault.met
    assert len(changes(site, start)) == (2 if ends == "Live" else 3)
    assert not [each for each in site.proxy.since(start) if is_status_write(each) and b"ImageOverridden" in each.body]


def test_a_tool_that_replaces_the_whole_object_is_not_answered_either(site: Site, api: Api, stand: str) -> None:
    start = time.monotonic()
    with Tool(replaces(site, api), THEIRS).at_work():
        site.until("it is told whose image it is", lambda: is_told(site, TOOL, THEIRS), SETTLE)
        time.sleep(FIGHT / 3)
    assert changes(site, start) == []
    assert status_writes(site, start) <= few(stand)


# --- a person -------------------------------------------------------------------------------------------------------------

PERSONS: Final = "registry.example.com/by-person:1"


def set_image(kubectl: Kubectl, site: Site) -> str:
    """What a person does in need; the field manager that the API server notes for it."""
    name = site.deployment()["metadata"]["name"]
    kubectl.run("set", "image", f"deployment/{name}", f"app={PERSONS}", "--namespace", site.name)
    return "kubectl-set"


def test_an_image_that_is_put_back_ends_it_without_a_change_of_ours(
    site: Site, api: Api, kubectl: Kubectl, stand: str
) -> None:
    ours, start = image(site), time.monotonic()
    who = set_image(kubectl, site)
    site.until("it is told who has set what", lambda: is_told(site, who, PERSONS), SETTLE)
    syncs(site, api)(ours)
    site.controller.sees_no_new_pods.clear()
    ends = {"RollingBack": "Failed", "RolledBack": "RolledBack"}.get(stand, "Live")
    site.until(f"it is {ends}", lambda: phase(site) == ends, SETTLE)
    assert changes(site, start) == []
    assert site.status()["running"]["number"] == (2 if ends == "Live" else 1)
    assert status_writes(site, start) <= 6


def test_asking_again_ends_it_with_one_change_which_takes_the_image_back(
    site: Site, kubectl: Kubectl, stand: str
) -> None:
    start, who = time.monotonic(), set_image(kubectl, site)
    site.until("it is told who has set what", lambda: is_told(site, who, PERSONS), SETTLE)
    assert changes(site, start) == []
    site.controller.sees_no_new_pods.clear()
    site.say("requestedAt", "once more")
    site.until("release 3 is live", lambda: site.status()["running"]["number"] == 3, SETTLE)
    assert len(changes(site, start)) == 1
    assert (phase(site), image(site)) == ("Live", site.status()["running"]["image"])


def test_rollback_to_what_ran_last_ends_it_with_one_change(site: Site, kubectl: Kubectl, stand: str) -> None:
    last = site.status()["running"]
    start, who = time.monotonic(), set_image(kubectl, site)
    site.until("it is told who has set what", lambda: is_told(site, who, PERSONS), SETTLE)
    site.controller.sees_no_new_pods.clear()
    site.say("rollbackTo", str(last["number"]))
    site.until("the image is back", lambda: image(site) == last["image"], SETTLE)
    site.until("it is at its end", lambda: phase(site) in {"Live", "RolledBack"}, SETTLE)
    assert len(changes(site, start)) == 1
    running = site.status()["running"]
    assert running["image"] == last["image"]
    assert running["number"] in {last["number"], 3}


def test_kubectl_rollout_undo_is_a_persons_image_too(site: Site, api: Api, kubectl: Kubectl, stand: str) -> None:
    undone = site.deployment()
    for revision, template in enumerate((old_template(site), undone["spec"]["template"]), 1):
        api.post(f"/apis/apps/v1/namespaces/{site.name}/replicasets", replica_set(undone, revision, template)).expect(
            201
        )
    start = time.monotonic()
    kubectl.run("rollout", "undo", f"deployment/{undone['metadata']['name']}", "--namespace", site.name)
    site.until("it is told who has set what", lambda: is_told(site, "kubectl", PERSONS), SETTLE)
    time.sleep(2)  # that nothing happens can only be waited for
    assert changes(site, start) == []
    assert image(site) == PERSONS


def old_template(site: Site) -> Object:
    """The pod template as it was before the operator knew the Deployment."""
    template: Object = site.plain_deployment()["spec"]["template"]
    template["spec"]["containers"][0]["image"] = PERSONS
    return template


def replica_set(deployment: Object, revision: int, template: Object) -> Object:
    """What the Deployment controller keeps of a revision."""
    metadata, marks = deployment["metadata"], {"pod-template-hash": f"hash{revision}"}
    labels = template["metadata"]["labels"] | marks
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-hash{revision}",
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [owner | {"controller": True}],
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": deployment["spec"]["selector"]["matchLabels"] | marks},
            "template": template | {"metadata": template["metadata"] | {"labels": labels}},
        },
    }


def test_each_request_beside_a_tool_that_insists_costs_one_change_and_no_more(site: Site, api: Api) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    start = time.monotonic()

    def asks_again(count: int) -> None:
        site.until("it is told whose image it is", lambda: is_told(site, TOOL, THEIRS), SETTLE)
        site.say("requestedAt", f"request {count}")
        site.until("it is taken back", lambda: len(changes(site, start)) == count, SETTLE)
        time.sleep(4 * EVERY)

    site.controller.sees_no_new_pods.set()
    with Tool(syncs(site, api), THEIRS).at_work():
        for count in (1, 2, 3):
            asks_again(count)
    assert len(changes(site, start)) == 3


# --- what is not the image ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["live", "rolled back"])
def test_what_others_change_beside_the_image_during_a_release_stays_as_they_want_it(
    site: Site, kubectl: Kubectl, ends: str
) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    deploying(site)
    ours = owned(site)
    name = f"deployment/{site.deployment()['metadata']['name']}"
    kubectl.run("set", "env", name, "APP_DEBUG=1", "--namespace", site.name)
    kubectl.run("set", "resources", name, "--limits=memory=512Mi", "--namespace", site.name)
    kubectl.run("scale", name, "--replicas=3", "--namespace", site.name)
    if ends == "rolled back":
        site.say("abort", "2")
    site.controller.sees_no_new_pods.clear()
    site.until("it is at its end", lambda: site.status()["current"].get("outcome"), SETTLE)
    expected = ("Succeeded", 2) if ends == "live" else ("Aborted", 1)
    status, deployment = site.status(), site.deployment()
    assert (status["current"]["outcome"], status["running"]["number"]) == expected
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == status["running"]["image"]
    assert container["env"] == [{"name": "APP_DEBUG", "value": "1"}]
    assert container["resources"] == {"limits": {"memory": "512Mi"}}
    assert deployment["spec"]["replicas"] == 3
    assert owned(site) == ours, "a rollback writes the same fields as a release"
    assert set(ours["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"app"}']) == {".", "f:image", "f:name"}


def owned(site: Site) -> Object:
    """The fields of the operator, as the API server writes them."""
    fields = site.deployment()["metadata"]["managedFields"]
    return next(dict(each["fieldsV1"]) for each in fields if each["manager"] == "brandrelease")
