"""Many brands in a row in one namespace, each with a Deployment and a BrandRelease of the same name, and one operator.

Everything behind the proxy with the journal; controllers and kubelets are played. What is asked about one brand can be
told from what is asked about the others, by its name. So one operator can serve for many trials, one brand each.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand, brand_release, written
from apiserver.operated_site import DEPLOYMENTS
from apiserver.played_cluster import PlayedCluster
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy, Request
from support.git_server import GitServer
from support.operator_process import OperatorProcess
from support.registry import RegistryServer

Object = dict[str, Any]
Result = TypeVar("Result")

RESYNC: Final = 2.0
SETTLE: Final = 60.0

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)?|\d\d:\d\d:\d\d UTC")
_DURATION: Final = re.compile(r"\b\d+ (h|min|s)( \d+ (min|s))*\b")
_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{64}\b|(?<=-)[0-9a-f]{8}(?:[0-9a-f]{2})?\b"
)
"""Of objects, of images and builds, and in names."""


class Row:
    """The world of a test: brands, an operator that can be killed, and what a release has come to."""

    def __init__(
        self,
        server: ApiServer,
        api: Api,
        namespace: str,
        git: GitServer,
        registry: RegistryServer,
        directory: Path,
        *,
        resync: float = RESYNC,
    ) -> None:
        self.api, self.name, self.registry = api, namespace, registry
        self.builds = f"{namespace}-builds"
        api.post("/api/v1/namespaces", {"metadata": {"name": self.builds}}).expect(201)
        self.repository = git.repository(namespace)
        self.proxy = FaultProxy(server.kubeconfig, directory)
        self.cluster = PlayedCluster(Api(server.kubeconfig), namespace, self.builds, registry)
        self.settings = settings = {
            "KUBECONFIG": str(self.proxy.kubeconfig),
            "BRANDRELEASE_NAMESPACE": namespace,
            "BRANDRELEASE_BUILD_NAMESPACE": self.builds,
            "BRANDRELEASE_WATCH_NAMESPACES": namespace,
            "BRANDRELEASE_RESYNC_SECONDS": str(resync),
            "BRANDRELEASE_CACHE_DIR": str(directory / "mirrors"),
            "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
            "BRANDRELEASE_INSECURE_REGISTRIES": registry.host,
            "BRANDRELEASE_MAX_CONCURRENT_BUILDS": "100",
        }
        self.operator = OperatorProcess(directory / "operator.log", settings)
        self.commits: dict[int, list[str]] = {}

    @contextmanager
    def at_work(self) -> Iterator["Row"]:
        """While the block runs, so do the proxy and the play, and the operator if it was started."""
        with ExitStack() as after:
            after.callback(self.cluster.end)
            after.enter_context(self.proxy)
            after.callback(self.operator.kill)
            yield self

    # --- given --------------------------------------------------------------------------------------------------------

    def brand_name(self, number: int) -> str:
        """No name is the beginning of another."""
        return f"{self.name}-b{number:03}"

    def brand(self, number: int, *, build: Object, **environment: object) -> None:
        """A Brand and a Deployment that runs."""
        name = self.brand_name(number)
        fields = {"name": "e", "namespace": self.name, "deployment": name, "soakSeconds": 0} | environment
        changes = {
            "metadata.name": name,
            "spec.source.url": self.repository.url,
            "spec.image.repository": f"{self.registry.host}/sites/{name}",
            "spec.build": build,
            "spec.environments": [fields],
        }
        self.api.post(BRANDS, brand(changes)).expect(201)
        labels = {"app": name}
        pod = {"containers": [{"name": "app", "image": "registry.example.com/by-hand:1"}]}
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
        self.api.post(DEPLOYMENTS.format(self.name), deployment).expect(201)

    def runs(self, numbers: Iterable[int]) -> None:
        """Wait until the Deployments of these brands run."""
        for number in numbers:
            self.until("its Deployment runs", partial(lambda each: self.deployment(each).get("status"), number))

    # --- when ---------------------------------------------------------------------------------------------------------

    def push(self, number: int, *, image: bool, bad: bool = False) -> str:
        """A commit for this brand on a branch of its own, with its image if CI builds it; the commit."""
        name = self.brand_name(number)
        commit = self.repository.commit({"page": f"{name} {time.monotonic_ns()}"}, branch=name)
        self.commits.setdefault(number, []).append(commit)
        if bad:
            self.cluster.bad_commits.add(commit)
        if image:
            self.registry.push_image(f"sites/{name}", commit, commit)
        return commit

    def release(self, number: int) -> None:
        """What is on its branch is asked for."""
        name = self.brand_name(number)
        path = RELEASES.format(self.name)
        if self.api.get(f"{path}/{name}").code == 200:
            asked = {"brandrelease.dev/requestedAt": f"for commit {len(self.commits[number])}"}
            self.api.merge(f"{path}/{name}", {"metadata": {"annotations": asked}}).expect(200)
        else:
            spec = {"brand": name, "environment": "e", "ref": name}
            self.api.post(path, brand_release({"metadata.name": name, "spec": spec})).expect(201)

    # --- then ---------------------------------------------------------------------------------------------------------

    def until(self, what: str, condition: Callable[[], Result | None], limit: float = SETTLE) -> Result:
        end = time.monotonic() + limit
        while not (result := condition()):
            assert self.cluster.trouble is None, self.cluster.trouble
            if time.monotonic() > end:
                last = "\n".join(map(str, self.proxy.requests[-10:]))
                raise AssertionError(f"Not within {limit:g} s: that {what}.\n{last}\n{self.operator.last_lines(15)}")
            time.sleep(0.05)
        return result

    def is_quiet(self, seconds: float = 1.0) -> None:
        """Wait until nothing is written for a while."""

        def quiet() -> bool:
            return not [each for each in self.proxy.since(time.monotonic() - seconds) if each.is_write]

        self.until("nothing is written any more", quiet)

    def is_quiet_about(self, number: int, commit: str, seconds: float = 1.0) -> bool:
        """Whether the release of the commit has its outcome, and nothing about it was written for a while since then."""
        current = self.status(number).get("current", {})
        lately = self.proxy.since(time.monotonic() - seconds)
        quiet = not any(each.is_write and self.about(number)(each) for each in lately)
        return quiet and current.get("commit") == commit and "outcome" in current

    def status(self, number: int) -> Object:
        body = self.api.get(f"{RELEASES.format(self.name)}/{self.brand_name(number)}").body
        return dict(written(body))

    def brand_is_ready(self, number: int) -> bool:
        conditions = self.api.get(f"{BRANDS}/{self.brand_name(number)}").body.get("status", {}).get("conditions", [])
        return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)

    def ends(self, number: int, commit: str, outcome: str, limit: float = SETTLE) -> Object:
        """Wait for the outcome of the release of the commit; the status."""

        def ended() -> Object | None:
            status = self.status(number)
            current = status.get("current", {})
            return status if (current.get("commit"), current.get("outcome")) == (commit, outcome) else None

        what = f"release {self.brand_name(number)} is {outcome}"
        try:
            return self.until(what, ended, limit)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.status(number), indent=1)}") from None

    def deployment(self, number: int) -> Object:
        return self.api.get(f"{DEPLOYMENTS.format(self.name)}/{self.brand_name(number)}").expect(200)

    def about(self, number: int) -> Callable[[Request], bool]:
        """Whether a request is about this brand, its BrandRelease or what belongs to them."""
        name = self.brand_name(number)

        def is_about(request: Request) -> bool:
            return name in request.path or name.encode() in request.body or name in str(request.query)

        return is_about

    def about_anyone(self, request: Request) -> bool:
        """Whether it is about one of the brands."""
        name = re.compile(rf"{self.name}-b\d{{3}}")
        return bool(name.search(f"{request.path} {request.query} {request.body.decode(errors='replace')}"))

    def end_state(self, number: int) -> Object:
        """All that is to be the same in the end whatever happened on the way, by its path; ids and times are masked."""
        deployment = self.deployment(number)
        seen = {
            "status": self.status(number),
            "template": deployment["spec"]["template"],
            "labels": deployment["metadata"]["labels"],
            "generation": deployment["metadata"]["generation"],
        }
        return dict(_flat("", json.loads(self._masked(number, json.dumps(seen)))))

    def _masked(self, number: int, text: str) -> str:
        text = text.replace(self.brand_name(number), "BRAND")
        for place, commit in enumerate(self.commits.get(number, [])):
            text = text.replace(commit, f"COMMIT-{place}").replace(commit[:12], f"SHORT-{place}")
        text = _DURATION.sub("DURATION", _TIME.sub("TIME", text))
        ids: dict[str, str] = {}  # each by the place at which it stands first, so that two ids stay two
        return _ID.sub(lambda found: ids.setdefault(found[0], f"ID-{len(ids)}"), text)


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            parts: Iterable[tuple[Any, Any]] = value.items()
        case list():
            parts = enumerate(value)
        case _:
            yield path, value
            return
    yield path, type(value).__name__
    for name, part in parts:
        yield from _flat(f"{path}.{name}", part)


def differences(found: Object, expected: Object) -> dict[str, tuple[Any, Any]]:
    """What was found and what was expected, where two end states are not the same."""
    paths = sorted(found.keys() | expected.keys())
    return {path: (found.get(path), expected.get(path)) for path in paths if found.get(path) != expected.get(path)}


# --- what no fault may bring about ------------------------------------------------------------------------------------


def created(requests: list[Request], collection: str) -> list[str]:
    """Names of the objects that were really made, in the order in which they were."""
    return [
        str(json.loads(request.body)["metadata"]["name"])
        for request in requests
        if request.is_for("POST", collection) and request.applied == 201 and "dryRun" not in request.query
    ]


def images_of_numbers(requests: list[Request]) -> dict[tuple[str, int], set[str]]:
    """The images that each release number of each BrandRelease was ever said to have, in what was really written."""
    found: dict[tuple[str, int], set[str]] = {}
    for request in requests:
        if request.method != "PUT" or "/brandreleases/" not in request.path or request.applied != 200:
            continue
        body = json.loads(request.body)
        status = body["status"]
        for entry in (status.get("current"), status.get("running"), *status.get("history", [])):
            if entry and entry.get("image"):
                found.setdefault((body["metadata"]["name"], entry["number"]), set()).add(entry["image"])
    return found
