"""Two brands side by side, each with its namespace: one is well, and in the other somebody means harm.

The operator works for both, behind a proxy that keeps a journal. Two attackers have real rights in the second namespace:
`mallory` may write BrandReleases, the `insider` everything, and the status of BrandReleases too.
"""

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from apiserver.json_api import Answer, Api
from apiserver.objects import BRANDS, RELEASES, brand_release
from apiserver.operated_site import DEPLOYMENTS, SETTLE, Object, Site
from cluster.api import ApiServer
from support.fault_proxy import Request
from support.git_server import GitServer
from support.hostile import must_be_one_line, must_be_plain
from support.registry import RegistryServer

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"
MAY_RELEASE: Final = [
    {
        "apiGroups": ["brandrelease.dev"],
        "resources": ["brandreleases"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }
]
MAY_ALL: Final = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
JOBS: Final = "/apis/batch/v1/namespaces/{}/jobs"
PODS: Final = "/api/v1/namespaces/{}/pods"
_FAILED_PASSES: Final = re.compile(r'^brandrelease(?:_brand)?_passes_total\{result="failed"\} (\S+)$', re.MULTILINE)


class Siege:
    """See the module. `victim` and `prey` are the two sites; the operator belongs to `prey`."""

    def __init__(self, server: ApiServer, api: Api, git: GitServer, registry: RegistryServer, directory: Path) -> None:
        self.api = api
        self.operators, self.builds = self._namespace(), self._namespace()
        self.victim = Site(server, api, self._namespace(), git, registry, self._made(directory / "victim"))
        self.prey = Site(server, api, self._namespace(), git, registry, self._made(directory / "prey"))
        self.prey._settings |= {
            "BRANDRELEASE_NAMESPACE": self.operators,
            "BRANDRELEASE_BUILD_NAMESPACE": self.builds,
            "BRANDRELEASE_WATCH_NAMESPACES": f"{self.victim.name},{self.prey.name}",
            "BRANDRELEASE_LOG_LEVEL": "debug",
        }
        self.mallory = self._user(server, "mallory", MAY_RELEASE)
        self.insider = self._user(server, "insider", MAY_ALL)

    def begin(self) -> None:
        """Both sites are live, and everything is quiet."""
        for site in (self.victim, self.prey):
            site.brand(environments=3)
            self._secrets_of(site)
        self.prey.start()
        self.victim.operator = self.prey.operator
        self.victim.is_live()
        self.prey.is_live()

    def watch(self) -> "Watch":
        """From now on."""
        return Watch(self)

    # --- what attackers do ----------------------------------------------------------------------------------------------

    def asks(self, name: str, spec: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> Answer:
        """Mallory makes a BrandRelease in her namespace."""
        body = brand_release({"metadata": {"name": name, **(metadata or {})}, "spec": dict(spec)})
        return self.mallory.post(RELEASES.format(self.prey.name), body)

    def spec(self, number: int, ref: str = "master") -> Object:
        return {"brand": self.prey.name, "environment": f"e{number}", "ref": ref}

    def release(self, name: str) -> Object:
        return self.api.get(f"{RELEASES.format(self.prey.name)}/{name}").expect(200)

    def withdraw(self, name: str) -> None:
        self.mallory.delete(f"{RELEASES.format(self.prey.name)}/{name}").expect(200)

    def annotate(self, name: str, **verbs: str) -> None:
        annotations = {f"brandrelease.dev/{verb}": text for verb, text in verbs.items()}
        self.mallory.merge(
            f"{RELEASES.format(self.prey.name)}/{name}", {"metadata": {"annotations": annotations}}
        ).expect(200)

    def forge(self, name: str, status: Object) -> None:
        """The insider writes parts of a status, as nobody but the operator should be able to."""
        path, code = f"{RELEASES.format(self.prey.name)}/{name}", 409
        while code == 409:
            body = self.api.get(path).expect(200)
            answer = self.insider.put(f"{path}/status", {**body, "status": {**body["status"], **status}})
            code = answer.code
        answer.expect(200)

    @contextmanager
    def live(self, number: int) -> Iterator[str]:
        """While the block runs, mallory has a BrandRelease for the environment, and it is live; its name."""
        name = f"e{number}"
        self.asks(name, self.spec(number)).expect(201)
        try:
            commit = self.prey.repository.head()
            assert commit is not None
            self.prey.becomes_live(commit, number)
            yield name
        finally:
            self.withdraw(name)

    # --- what comes of it -----------------------------------------------------------------------------------------------

    def says(self, name: str, reason: str) -> str:
        """The message, once the operator gives this reason for the present generation."""

        def message() -> str | None:
            body = self.release(name)
            status = body.get("status", {})
            ready: Object = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
            seen = status.get("observedGeneration") == body["metadata"]["generation"]
            return str(ready["message"]) if seen and ready.get("reason") == reason else None

        return self.prey.until(f"{name} says {reason}", message, SETTLE)

    def events(self, reason: str) -> list[str]:
        """Messages of the Events in the namespace."""
        found = self.api.get(f"/api/v1/namespaces/{self.prey.name}/events").expect(200)["items"]
        return [event["message"] for event in found if event["reason"] == reason]

    def failed_passes(self) -> float:
        return sum(float(count) for count in _FAILED_PASSES.findall(self.prey.operator.get("/metrics")))

    # --- how it is made -------------------------------------------------------------------------------------------------

    def _namespace(self) -> str:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "siege-"}}
        return str(self.api.post("/api/v1/namespaces", body).expect(201)["metadata"]["name"])

    def _made(self, directory: Path) -> Path:
        directory.mkdir()
        return directory

    def _user(self, server: ApiServer, name: str, rules: list[Object]) -> Api:
        place = RBAC.format(self.prey.name)
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
        self.api.post(f"{place}/roles", {**role, "kind": "Role", "rules": rules}).expect(201)
        binding = {
            **role,
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }
        self.api.post(f"{place}/rolebindings", binding).expect(201)
        return Api(server.kubeconfig, name)

    def _secrets_of(self, site: Site) -> None:
        """Each Brand names its own; a third one is nobody's."""
        host = urlsplit(site.repository.url).netloc
        self.secret(self.builds, f"{site.name}-git", username="u", password=f"canary-git-{site.name}", host=host)
        login = {"auths": {site.registry.host: {"username": "u", "password": f"canary-registry-{site.name}"}}}
        self.secret(self.builds, f"{site.name}-registry", **{".dockerconfigjson": json.dumps(login)})
        self.secret(site.name, "site", password=f"canary-site-{site.name}")
        named = {"source": {"secretName": f"{site.name}-git"}, "image": {"secretName": f"{site.name}-registry"}}
        self.api.merge(f"{BRANDS}/{site.name}", {"spec": named}).expect(200)

    def secret(self, namespace: str, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        self.api.post(f"/api/v1/namespaces/{namespace}/secrets", body).expect(201)


class Watch:
    """What the operator has done since its beginning, by the journal; and what may never come of an attack."""

    def __init__(self, siege: Siege) -> None:
        self._siege, self._begin = siege, time.monotonic()
        self._failed, self._pid = siege.failed_passes(), siege.prey.operator.pid
        self._victim = self._of_victim()

    def requests(self) -> list[Request]:
        return self._siege.prey.proxy.since(self._begin)

    def writes(self) -> list[Request]:
        return [request for request in self.requests() if request.is_write]

    def applied(self) -> list[str]:
        """The images that were put into Deployments."""
        bodies = [json.loads(each.body) for each in self.writes() if "/deployments/" in each.path]
        return [body["spec"]["template"]["spec"]["containers"][0]["image"] for body in bodies]

    def nothing_happened_elsewhere(self, *, failed_passes: int = 0) -> None:
        """The oracle of every attack."""
        siege, prey = self._siege, self._siege.prey
        assert prey.runs()
        assert prey.operator.pid == self._pid
        assert siege.failed_passes() - self._failed <= failed_passes, prey.operator.last_lines(60)
        assert [str(each) for each in self.writes() if not self._may_write(each)] == []
        assert [each.path for each in self.requests() if not self._may_read(each)] == []
        for image in self.applied():
            assert image.startswith(f"{prey.image_repository}@sha256:"), image
        assert self._of_victim() == self._victim
        self._everything_said_is_plain()

    def _may_write(self, request: Request) -> bool:
        prey = self._siege.prey.name
        if request.path.startswith(f"{BRANDS}/{prey}") and request.path.endswith("/status"):
            return True
        if request.path.startswith("/api/v1/namespaces/default/events"):
            return str(json.loads(request.body).get("involvedObject", {}).get("name", prey)).startswith(prey)
        return f"/namespaces/{prey}/" in request.path

    def _may_read(self, request: Request) -> bool:
        """Secrets: those of the namespace, and in the build namespace those that a Brand names, by name."""
        if "/secrets" not in request.path:
            return True
        siege = self._siege
        named = {f"{site.name}-{kind}" for site in (siege.prey, siege.victim) for kind in ("git", "registry")}
        _, _, place = request.path.partition("/namespaces/")
        namespace, _, name = place.partition("/secrets/")
        return (namespace == siege.builds and name in named) or (namespace == siege.prey.name and bool(name))

    def _of_victim(self) -> tuple[Any, ...]:
        site = self._siege.victim
        deployments = self._siege.api.get(DEPLOYMENTS.format(site.name)).expect(200)["items"]
        return (
            [(body["metadata"]["generation"], body["metadata"].get("labels"), body["spec"]) for body in deployments],
            {key: value for key, value in site.status().items() if key != "conditions"},
        )

    def _everything_said_is_plain(self) -> None:
        siege = self._siege
        place = RELEASES.format(siege.prey.name)
        for body in siege.api.get(place).expect(200)["items"]:
            status = body.get("status", {})
            assert len(json.dumps(status).encode()) < 100_000
            for condition in status.get("conditions", []):
                must_be_one_line(condition["message"])
            for change in status.get("current", {}).get("changes", []):
                must_be_one_line(change["author"] + change["subject"])
        for event in siege.api.get(f"/api/v1/namespaces/{siege.prey.name}/events").expect(200)["items"]:
            if event["source"].get("component") == "brandrelease":
                must_be_plain(event["message"])
