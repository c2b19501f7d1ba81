"""`make demo`: the main job from end to end, on a real cluster, told as it happens. Ends with 1 if anything was not as told."""

import os
import queue
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cluster import api
from cluster.clusters import Cluster
from demo import brand
from demo.builders import BUILDERS, Builder
from demo.probe import Probe
from support import images
from support.git_server import GitServer, Repository
from support.kubectl import Kubectl, Seen
from support.operator_process import OperatorProcess

NAME = "demo"
CRDS = Path(__file__).parents[2] / "crds"
LIMIT_SECONDS = 180.0
FINAL = {"Live", "RolledBack", "Failed", "Blocked"}


class NotAsToldError(Exception):
    """Something did not happen as the demo says it does."""


class Demo:
    """The stage: cluster, repository, operator, and what is told of it."""

    def __init__(self, cluster: Cluster, repository: Repository, base: str) -> None:
        self.kubectl, self.repository, self.base = Kubectl.of(cluster), repository, base
        self._began = time.monotonic()

    def tell(self, text: str) -> None:
        """A line, with the seconds since the beginning."""
        say(f"{time.monotonic() - self._began:7.1f} s  {text}")

    def commit(self, headline: str, bootstrap: str, message: str) -> str:
        """A developer pushes to master."""
        commit = self.repository.commit(brand.files(self.base, headline, bootstrap), message, "master")
        self.tell(f"$ git push   # {commit[:12]} {message}")
        return commit

    def revert(self, commit: str) -> str:
        """A developer undoes a commit; git writes into the message which one."""
        made = self.repository.revert(commit, "master")
        self.tell(f"$ git revert {commit[:12]} && git push   # {made[:12]} This reverts commit {commit[:12]}...")
        return made

    def evidence(self) -> None:
        """What is known of the release that failed, though its pods are gone."""
        past = (self.kubectl.get("brandrelease", brand.BRAND, brand.NAMESPACE) or {})["status"]["history"][0]
        check("evidence" in past, "The history should keep what the log said.")
        found = past["evidence"]
        self.tell("$ kubectl describe brandrelease drumeo   # from its history")
        self.tell(f"  Release {past['number']}: {past['outcome']}, {past['reason']}, blame {past['blame']}")
        self.tell(f"  Pod {found['pod']}, container {found['container']}, exit code {found.get('exitCode')}; its log:")
        for line in found["logTail"].splitlines():
            self.tell(f"  | {line}")

    def ask(self, phase: str, reason: str, commit: str) -> dict[str, Any]:
        """A developer asks for the head of master, and the release is followed to its end, which must be this one."""
        self.tell("$ kubectl apply -f release.yaml   # ref: master")
        request = str(time.time_ns())
        self.kubectl.apply(brand.release(request))
        with self.kubectl.watch("brandrelease", brand.BRAND, brand.NAMESPACE) as versions:
            status = self._follow(versions, (phase, reason), request)
        check(status["current"]["commit"] == commit, f"The release should be of commit {commit}.")
        return status

    def _follow(self, versions: "queue.Queue[Seen]", end: tuple[str, str], request: str) -> dict[str, Any]:
        seen, limit = "", time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < limit:
            status = self._next(versions)
            ready: dict[str, Any] = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
            if status.get("lastHandled", {}).get("requestedAt") != request or status["phase"] == seen:
                continue
            seen = status["phase"]
            self.tell(f"  {seen:<12} {ready['message']}")
            if seen in FINAL:
                check((seen, ready["reason"]) == end, f"The release should have ended as {end[0]}/{end[1]}.")
                return status
        raise NotAsToldError(f"The release did not end within {LIMIT_SECONDS:g} s.")

    def _next(self, versions: "queue.Queue[Seen]") -> dict[str, Any]:
        """The next status that the watch shows; after a second of silence, the one that is there."""
        try:
            _, body = versions.get(timeout=1)
        except queue.Empty:
            body = self.kubectl.get("brandrelease", brand.BRAND, brand.NAMESPACE) or {}
        return dict(body.get("status", {}))


def main() -> int:
    """Play it; returns the exit code."""
    keep, builder = os.environ.get("KEEP") == "1", os.environ.get("BUILDER", "buildkit").lower()
    if builder not in BUILDERS:
        say(f"There is no BUILDER {builder}. Choose one of {', '.join(BUILDERS)}.")
        return 2
    try:
        with ExitStack() as stack:
            _play(stack, builder, keep=keep)
    except NotAsToldError as error:
        say(f"\nNOT AS TOLD: {error}")
        return 1
    finally:
        if not keep:
            api.down(NAME)
    return 0


def _play(stack: ExitStack, chosen: str, *, keep: bool) -> None:
    directory = stack.enter_context(_directory(keep=keep))
    cluster = api.up(NAME, say=say)
    base = images.push(images.PHP, cluster)
    git = stack.enter_context(GitServer(directory / "git", address=cluster.host_address))
    demo = Demo(cluster, git.repository(brand.BRAND), base)
    builder = stack.enter_context(BUILDERS[chosen](cluster, demo.repository.url, directory))
    address = _stage(demo, base)
    operator = OperatorProcess(directory / "operator.log", _settings(cluster, directory, builder))
    operator.start()
    stack.callback(operator.stop)
    demo.kubectl.apply(brand.brand(demo.repository.url, builder.repository, builder.build))
    try:
        built = _story(demo, address)
        _builds_are_counted(builder, built)
    except NotAsToldError:
        say(f"The end of the operator's log ({directory / 'operator.log'}):\n{operator.last_lines()}")
        raise
    if keep:
        _leave_up(cluster, directory)


@contextmanager
def _directory(*, keep: bool) -> Iterator[Path]:
    """The files of the demo. They stay to be looked at if something was not as told, or if everything stays."""
    directory = Path(tempfile.mkdtemp(prefix="brandrelease-demo-"))
    yield directory
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)


def _stage(demo: Demo, base: str) -> str:
    """The site as it was before the operator came; returns its address."""
    demo.kubectl.run("apply", "--server-side", "-f", str(CRDS))
    demo.kubectl.serves_its_kinds()
    for namespace in (brand.NAMESPACE, brand.BUILDS):
        demo.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    demo.kubectl.apply(*brand.site(base))
    demo.kubectl.run(
        "rollout", "status", f"deployment/{brand.DEPLOYMENT}", "-n", brand.NAMESPACE, "--timeout=120s", limit=130
    )
    service = demo.kubectl.get("service", "site", brand.NAMESPACE) or {}
    return f"http://{service['spec']['clusterIP']}/"


def _story(demo: Demo, address: str) -> list[str]:
    """Play it; returns the commits that were built."""
    with Probe(address) as visitor:
        demo.tell(f"The site runs as somebody deployed it by hand: {_page(address)}")
        good = demo.commit("Drumeo", brand.GOOD_BOOTSTRAP, "Welcome page")
        demo.ask("Live", "Succeeded", good)
        demo.tell(f"$ curl {address}   -> {_page(address)}")
        check("Drumeo: paradiddles" in _page(address), "The site should show the new page.")

        bad = demo.commit("Drumeo", brand.BAD_BOOTSTRAP, "Use the course catalogue")
        status = demo.ask("RolledBack", "CrashLoopBackOff", bad)
        check(
            "CourseCatalogue" in status["current"]["message"],
            "The message should hold the line of the log that tells why.",
        )
        demo.evidence()
        demo.tell(f"$ curl {address}   -> {_page(address)}")
        check("Drumeo: paradiddles" in _page(address), "The site should show the good page again.")

        demo.tell("Somebody asks for the bad commit again.")
        demo.ask("Blocked", "CommitQuarantined", bad)

        demo.tell("Somebody else pushes on top of it.")
        on_top = demo.commit("Drumeo 2", brand.BAD_BOOTSTRAP, "Welcome to Drumeo 2")
        demo.ask("Blocked", "CommitQuarantined", on_top)

        mended = demo.revert(bad)
        demo.ask("Live", "Succeeded", mended)
        demo.tell(f"$ curl {address}   -> {_page(address)}")
        check("Drumeo 2: paradiddles" in _page(address), "The site should show the new page, without the catalogue.")
    say("\n$ kubectl get brandreleases -A")
    say(demo.kubectl.run("get", "brandreleases", "-A"))
    lost = sum(visitor.failures.values())
    say(f"\nA visitor asked for the page {visitor.asked} times, every 100 ms, all the while: {lost} requests failed.")
    check(lost == 0, f"The site should never have stopped answering, but: {dict(visitor.failures)}")
    return [good, bad, mended]


def _builds_are_counted(builder: Builder, built: list[str]) -> None:
    """However often the operator looked, CodeBuild was asked once for each commit, and each build costs money."""
    started = builder.started
    if started is None:
        return
    say(f"CodeBuild was asked {len(started)} times to build (StartBuild), and {len(built)} commits were built.")
    check(started == built, f"Each commit should have been built once, but these were: {started}")


def _settings(cluster: Cluster, directory: Path, builder: Builder) -> dict[str, str]:
    return {
        "KUBECONFIG": str(cluster.kubeconfig),
        "BRANDRELEASE_BUILD_NAMESPACE": brand.BUILDS,
        "BRANDRELEASE_CACHE_DIR": str(directory / "mirrors"),
        "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
        "BRANDRELEASE_INSECURE_REGISTRIES": cluster.registry,
        **builder.settings,
    }


def _page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return str(answer.read().decode().strip())


def _leave_up(cluster: Cluster, directory: Path) -> None:
    say(
        f"\nThe cluster stays up. Look around:\n"
        f"  export KUBECONFIG={cluster.kubeconfig} PATH={cluster.programs}:$PATH\n"
        f"  kubectl get brandreleases -A -o wide\n"
        f"  kubectl describe brandrelease {brand.BRAND} -n {brand.NAMESPACE}\n"
        f"  kubectl get pods -n {brand.NAMESPACE}\n"
        f"The operator and the servers beside it have ended with the demo; the operator's log is {directory / 'operator.log'}.\n"
        f"End the cluster with: PYTHONPATH=tests .venv/bin/python -m cluster down --name {NAME}"
    )


def check(fact: bool, told: str) -> None:
    """What the demo says must be so."""
    if not fact:
        raise NotAsToldError(told)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
