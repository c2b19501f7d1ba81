"""kubectl for tests: what it prints, as Python objects."""

import functools
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from apiserver.json_api import Api
from cluster.clusters import Cluster
from cluster.control_plane import ApiServer
from cluster.processes import wait_until

Result = TypeVar("Result")
Object = dict[str, Any]
Seen = tuple[float, Object]

OK, NOT_FOUND = 200, 404

COLLECTIONS = {
    "brand": "/apis/brandrelease.dev/v1alpha1/brands",
    "brandrelease": "/apis/brandrelease.dev/v1alpha1/namespaces/{}/brandreleases",
    "deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "events": "/api/v1/namespaces/{}/events",
    "job": "/apis/batch/v1/namespaces/{}/jobs",
    "jobs": "/apis/batch/v1/namespaces/{}/jobs",
    "pod": "/api/v1/namespaces/{}/pods",
    "pods": "/api/v1/namespaces/{}/pods",
    "replicasets": "/apis/apps/v1/namespaces/{}/replicasets",
    "resourcequota": "/api/v1/namespaces/{}/resourcequotas",
    "service": "/api/v1/namespaces/{}/services",
}
"""Where the kinds are that tests look at, by the names that they have for kubectl."""

COMMAND_SECONDS = 60.0
POLL_SECONDS = 0.2


class KubectlError(Exception):
    """kubectl refused; the message is what it said."""


@dataclass(frozen=True)
class Kubectl:
    """The ``program`` kubectl with one ``kubeconfig``."""

    program: Path
    kubeconfig: Path

    @classmethod
    def of(cls, server: Cluster | ApiServer) -> "Kubectl":
        """Return kubectl for the administrator of ``server``."""
        return cls(server.kubectl, server.kubeconfig)

    def run(self, *arguments: str, stdin: str = "", limit: float = COMMAND_SECONDS) -> str:
        """Run kubectl and return its output; raise KubectlError if it fails within ``limit`` seconds, or takes longer."""
        # Its own cache: the next cluster at this address may know other resources.
        options = (f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.kubeconfig.parent / 'kubectl-cache'}")
        argv = (str(self.program), *options, *arguments)
        try:
            done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired as late:
            raise KubectlError(f"kubectl {' '.join(arguments)} had not ended after {limit:g} seconds.") from late
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def serves_its_kinds(self, limit: float = 30.0) -> None:
        """Wait until the kind of every CRD is served. `kubectl wait` fails at once for one that has no condition yet."""

        def established() -> bool:
            crds = json.loads(self.run("get", "crd", "-o", "json"))["items"]
            return all("Established" in _true_conditions(each) for each in crds) and self.served() >= {
                each["metadata"]["name"] for each in crds
            }

        wait_until("That every CRD is established and its kind served", established, limit)

    def served(self) -> set[str]:
        """What the API server serves now, each with its group: a moment after a CRD has come or gone, so does its kind."""
        return set(self.run("api-resources", "--output=name").split())

    def apply(self, *manifests: str | Mapping[str, Any], server_side: bool = False) -> None:
        """Apply each manifest: YAML text or an object."""
        texts = [each if isinstance(each, str) else json.dumps(each) for each in manifests]
        options = ("--server-side",) if server_side else ()
        self.run("apply", *options, "-f", "-", stdin="\n---\n".join(texts))

    def get(self, kind: str, name: str, namespace: str = "default") -> Object | None:
        """Return one object, or None if there is none.

        Asked without a process: stories look many times a second, and a look by kubectl costs a hundred times the look.
        """
        answer = _api(self.kubeconfig).get(f"{COLLECTIONS[kind].format(namespace)}/{name}")
        return None if answer.code == NOT_FOUND else answer.expect(OK)

    def list(self, kind: str, namespace: str = "default", selector: str = "") -> "list[Object]":
        """Return the objects of ``kind`` that ``selector`` matches; likewise."""
        answer = _api(self.kubeconfig).get(COLLECTIONS[kind].format(namespace), labelSelector=selector)
        return [dict(item) for item in answer.expect(OK)["items"]]

    @contextmanager
    def watch(self, kind: str, name: str = "", namespace: str = "default") -> "Iterator[queue.Queue[Seen]]":
        """Give a queue of every version of one object (or of all of the kind) from now on, while the block runs.

        Each comes with the moment of its arrival, on the monotonic clock.
        """
        options = (f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.kubeconfig.parent / 'kubectl-cache'}")
        argv = (
            str(self.program),
            *options,
            "get",
            kind,
            *filter(None, [name]),
            f"--namespace={namespace}",
            "--watch",
            "--output=json",
        )
        versions: queue.Queue[Seen] = queue.Queue()
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            reader = threading.Thread(target=_parse, args=(process.stdout, versions), daemon=True)
            reader.start()
            try:
                yield versions
            finally:
                process.kill()
                reader.join(10)  # it reads to the end, before that is closed

    def patch(
        self, kind: str, name: str, change: Mapping[str, Any], namespace: str = "default", subresource: str = ""
    ) -> None:
        """Merge ``change`` into one object."""
        options = (f"--subresource={subresource}",) if subresource else ()
        text = json.dumps(change)
        self.run("patch", kind, name, f"--namespace={namespace}", "--type=merge", *options, "--patch", text)

    def delete(self, kind: str, name: str, namespace: str = "default", *, wait: bool = True) -> None:
        """Delete one object; does nothing if there is none."""
        options = ("--ignore-not-found", f"--wait={str(wait).lower()}")
        self.run("delete", kind, name, f"--namespace={namespace}", *options)

    def logs(self, pod: str, namespace: str = "default", *options: str) -> str:
        """Return the log of a pod (or ``job/NAME``, ``deploy/NAME``)."""
        return self.run("logs", pod, f"--namespace={namespace}", *options)

    def follow_log(self, pod: str, namespace: str = "default") -> subprocess.Popen[str]:
        """The log of a pod with the time of each line, as it is written; whoever has it must end it."""
        options = (f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.kubeconfig.parent / 'kubectl-cache'}")
        argv = (str(self.program), *options, "logs", pod, f"--namespace={namespace}", "--follow", "--timestamps")
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _true_conditions(body: Object) -> set[str]:
    """Their types; none in an object that was just made."""
    conditions = body.get("status", {}).get("conditions") or []
    return {condition["type"] for condition in conditions if condition["status"] == "True"}


@functools.cache
def _api(kubeconfig: Path) -> Api:
    """One pool of connections for each kubeconfig."""
    return Api(kubeconfig)


def _parse(stream: IO[str], versions: "queue.Queue[Seen]") -> None:
    """Objects follow one another, each over many lines that end with a brace in the first column."""
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            versions.put((time.monotonic(), json.loads(text)))
            text = ""


def eventually(
    condition: Callable[[], Result | None], limit: float, describe: Callable[[], object] | str = "The condition"
) -> Result:
    """Return the first true result of ``condition``; after ``limit`` seconds raise AssertionError.

    The error shows what ``describe`` returns at that moment (the last state), or the text, and the condition's last result.
    """
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            state = describe if isinstance(describe, str) else describe()
            raise AssertionError(f"Not true within {limit:g} seconds. Last result: {result!r}. Last state: {state}")
        time.sleep(POLL_SECONDS)
