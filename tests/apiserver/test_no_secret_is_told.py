"""Secrets through a whole life of releases, at log level debug: none of them is anywhere but where it is needed.

Each Secret has a canary. The played kubelet prints all that a pod can know in its log, the played servers say the login
back in their errors, and the kubelet's own words have one too. Afterwards everything is read: all objects but Secrets, the operator's log, its metrics, and what endpoints got.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from aiohttp import web

from apiserver.json_api import Api
from apiserver.objects import BRANDS
from apiserver.operated_site import SETTLE, Object, Site
from brandrelease.apis.brand import Brand
from brandrelease.core.builds.images import BuildOrder, build_order
from cluster.api import ApiServer
from cluster.certificates import Authority
from support.local_http import beside, http_server
from support.slack import Slack
from support.small_site import SmallSite, Visitor

pytestmark = pytest.mark.timeout(90, func_only=True)

CANARIES: Final = {
    name: f"canary-{name}-8f2e61d7"
    for name in ("git", "registry", "slack", "webhook", "prometheus", "site", "mounted", "argument")
}
PODS, JOBS = "/api/v1/namespaces/{}/pods", "/apis/batch/v1/namespaces/{}/jobs"
KINDS: Final = (
    "/api/v1/namespaces/{}/events",
    "/api/v1/namespaces/{}/configmaps",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/brandrelease.dev/v1alpha1/namespaces/{}/brandreleases",
    JOBS,
)
POD: Final = {
    "automountServiceAccountToken": False,
    "restartPolicy": "Never",
    "containers": [
        {
            "name": "app",
            "image": "i",
            "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "site", "key": "password"}}}],
        }
    ],
    "volumes": [{"name": "m", "secret": {"secretName": "mounted"}}],
}


async def print_everything(visitor: Visitor) -> None:
    """The log of every container: all that its pod can know."""
    known = ("git", "registry") if "/builds/" in visitor.target else ("site", "mounted")
    said = "\n".join(f"{name} is {CANARIES[name]}" for name in known)
    await visitor.answer(200, f"begin\n{said}\nerror: it ends here\n".encode())


async def say_it_back(visitor: Visitor) -> None:
    """A Prometheus that refuses, and repeats the login in its error."""
    words = {"status": "error", "error": f"no: {visitor.headers.get('authorization')} {CANARIES['prometheus']}"}
    await visitor.answer(403, json.dumps(words).encode(), Content_Type="application/json")


class Everything:
    """A site whose Brand names every kind of Secret, with its builds, pods, endpoints and logs played."""

    def __init__(self, site: Site, server: ApiServer, after: ExitStack) -> None:
        self.site, self.api, self.slack = site, site.api, Slack(CANARIES["slack"])
        self.got: list[str] = []
        self.api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "builds"}})
        self._kubelet(server, after)
        self.at_slack = after.enter_context(beside(http_server(self.slack)))
        self.at_hook = after.enter_context(beside(http_server(self._hook)))
        self.prometheus = after.enter_context(SmallSite(say_it_back))
        site._settings |= {"BRANDRELEASE_LOG_LEVEL": "debug"}

    def begin(self) -> None:
        name, secret = self.site.name, self._secret
        secret("builds", f"{name}-git", username="u", password=CANARIES["git"])
        login = {"auths": {self.site.registry.host: {"username": "u", "password": CANARIES["registry"]}}}
        secret("builds", f"{name}-registry", **{".dockerconfigjson": json.dumps(login)})
        secret(name, "slack", token=CANARIES["slack"])
        secret(name, "hook", key=CANARIES["webhook"] + "-and-more-of-it")
        secret(name, "monitoring", token=CANARIES["prometheus"])
        secret(name, "site", password=CANARIES["site"])
        secret(name, "mounted", file=CANARIES["mounted"])
        self.site.brand()
        spec = {
            "source": {"secretName": f"{name}-git"},
            "image": {"secretName": f"{name}-registry"},
            "build": {"external": None, "buildKit": {"args": {"TOKEN": CANARIES["argument"]}}},
        }
        self.api.merge(f"{BRANDS}/{name}", {"spec": spec}).expect(200)
        prometheus = {
            "url": f"http://127.0.0.1:{self.prometheus.port}",
            "query": "up",
            "max": "1",
            "secretName": "monitoring",
        }
        self.site.change_environment(
            checks=[{"name": "errors", "prometheus": prometheus, "onError": "Ignore", "intervalSeconds": 1}],
            notifications=[
                {
                    "name": "slack",
                    "slack": {"channel": "#releases", "secretName": "slack", "apiUrl": f"{self.at_slack}/api"},
                },
                {"name": "hook", "webhook": {"url": f"{self.at_hook}/in", "secretName": "hook"}},
            ],
        )
        self.site.start()

    # --- what is played -------------------------------------------------------------------------------------------------

    def order(self, commit: str) -> BuildOrder:
        return build_order(Brand.from_object(self.api.get(f"{BRANDS}/{self.site.name}").expect(200)), commit, 1)

    def push(self, branch: str, *, built: bool = True) -> str:
        commit = self.site.repository.commit({"page": branch}, branch=branch)
        if built:
            self.site.registry.push_image(f"sites/{self.site.name}", self.order(commit).tag, commit)
        return commit

    def build_fails(self, commit: str) -> None:
        """As the Job controller and the kubelet tell it."""
        name = self.order(commit).name
        job = self.site.until("the build is started", lambda: self._job(name), SETTLE)
        template = job["spec"]["template"]["spec"] | {"nodeName": self.site.name, "hostUsers": None}
        state = {"terminated": {"exitCode": 1, "reason": "Error"}}
        self._pod("builds", f"{name}-x", template, {"batch.kubernetes.io/job-name": name}, "build", {"state": state})
        begin = [
            {"type": kind, "status": "True", "reason": "BackoffLimitExceeded"} for kind in ("FailureTarget", "Failed")
        ]
        status = {"startTime": "2026-01-01T00:00:00Z", "conditions": begin}
        self.api.merge(f"{JOBS.format('builds')}/{name}/status", {"status": status}).expect(200)

    @contextmanager
    def new_pods(self, branch: str, **container: Any) -> Iterator[None]:
        """Those of a release that goes wrong: none becomes ready, and one of them looks so."""
        self.site.controller.sees_no_new_pods.set()
        commit, before = self.push(branch), self.site.generation()
        self.site.release(branch)
        self.site.until("it is deploying", lambda: self.site.generation() > before, SETTLE)
        number = self.site.status()["current"]["number"]
        labels = {"brandrelease.dev/name": "e0", "brandrelease.dev/release": str(number)}
        self._pod(self.site.name, branch, POD | {"nodeName": self.site.name}, labels, "app", container)
        self.site.until("it goes back", lambda: "rollback" in self.site.status()["current"] or None, SETTLE)
        self.site.controller.sees_no_new_pods.clear()
        self.site.until("it is back", lambda: self.site.status()["phase"] == "RolledBack" or None, SETTLE)
        assert self.site.status()["current"]["commit"] == commit
        yield

    def _pod(self, namespace: str, name: str, spec: Object, labels: Object, container: str, state: Object) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        self.api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
        spec = {key: value for key, value in spec.items() if value is not None}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
        self.api.post(PODS.format(namespace), body).expect(201)
        told = {"name": container, "image": "i", "imageID": "", "ready": False, "restartCount": 0, **state}
        status = {"phase": "Running", "containerStatuses": [told]}
        self.api.merge(f"{PODS.format(namespace)}/{name}/status", {"status": status}).expect(200)

    def _job(self, name: str) -> Object | None:
        answer = self.api.get(f"{JOBS.format('builds')}/{name}")
        return answer.body if answer.code == 200 else None

    def _kubelet(self, server: ApiServer, after: ExitStack) -> None:
        (key,) = Path(server.kubeconfig).parent.rglob("ca.key")
        pair = Authority(key.parent).issue(f"kubelet-{self.site.name}", "kubelet", addresses=["127.0.0.1"])
        kubelet = after.enter_context(SmallSite(print_everything, pair=pair))
        self.api.post(
            "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.site.name}}
        ).expect(201)
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}},
        }
        self.api.merge(f"/api/v1/nodes/{self.site.name}/status", {"status": status}).expect(200)

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        self.got.append((await request.read()).decode())
        return web.Response(status=204)

    def _secret(self, namespace: str, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        self.api.post(f"/api/v1/namespaces/{namespace}/secrets", body).expect(201)

    # --- what is read afterwards ----------------------------------------------------------------------------------------

    def told(self) -> dict[str, str]:
        """All that anybody can read, by where it stands."""
        places = [kind.format(namespace) for kind in KINDS for namespace in (self.site.name, "builds")]
        found = {place: json.dumps(self.api.get(place).expect(200), ensure_ascii=False) for place in places}
        found["/api/v1/namespaces/default/events"] = json.dumps(self.api.get("/api/v1/namespaces/default/events").body)
        found["the status of the Brand"] = json.dumps(self.api.get(f"{BRANDS}/{self.site.name}").expect(200)["status"])
        found["the log"] = self.site.operator.last_lines(100_000)
        found["the metrics"] = self.site.operator.get("/metrics")
        found["Slack"] = json.dumps([message.versions for message in self.slack.messages])
        found["the webhook"] = "\n".join(self.got)
        return found


def spelled(canary: str) -> set[str]:
    """The canary as it is, and in forms from which it can be had again."""
    encoded = {base64.b64encode(b"u:" + canary.encode()).decode(), base64.b64encode(canary.encode()).decode()}
    return {canary, quote(canary, safe=""), *(text.rstrip("=")[:-2] for text in encoded)}


def test_no_secret_is_told_anywhere_through_success_failures_and_looks_that_fail(
    site: Site, api_server: ApiServer, api: Api
) -> None:
    with ExitStack() as after:
        world = Everything(site, api_server, after)
        world.begin()
        commit = world.push("good")
        site.release("good")
        site.becomes_live(commit)

        commit = world.push("unbuilt", built=False)
        site.release("unbuilt")
        world.build_fails(commit)
        site.until("the build has failed", lambda: site.status()["phase"] == "Failed" or None, SETTLE)
        log = site.status()["current"]["build"]["logTail"]
        assert "git is ***\nregistry is ***" in log

        ended = {
            "terminated": {"exitCode": 255, "reason": "Error", "message": "", "startedAt": None, "finishedAt": None}
        }
        crash = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
        with world.new_pods("crashes", restartCount=5, state=crash, lastState=ended):
            evidence = site.status()["current"]["evidence"]["logTail"]
            assert "site is ***\nmounted is ***" in evidence

        said = f'failed to pull "i": 401 at https://u:{CANARIES["registry"]}@registry/x: Bearer {CANARIES["registry"]} not found'
        with world.new_pods("unpulled", state={"waiting": {"reason": "ErrImagePull", "message": said}}):
            assert site.status()["current"]["reason"] == "ImageNotFound"
        site.until("the webhook is told", lambda: any("unpulled" in got for got in world.got) or None, SETTLE)

        told = world.told()
    assert len(told["the log"]) > 1000
    assert world.slack.messages
    assert any(visitor.headers.get("authorization") for visitor in world.prometheus.visitors)
    for name, canary in CANARIES.items():
        for place, text in told.items():
            if name == "argument" and place == JOBS.format("builds"):
                continue  # a build argument is no secret: it stands in the Brand, in the Job and in the image
            shown = [form for form in spelled(canary) if form in text]
            assert not shown, (name, place, text[max(0, text.find(shown[0]) - 200) :][:400])
