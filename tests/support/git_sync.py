"""A GitOps tool as small as it can be: fetch a branch, apply what is in a folder, again and again."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from apiserver.json_api import Api
from brandrelease.apis.wellknown import FIELD_MANAGER
from support.gitops_verdicts import EXAMPLES, program
from support.kubectl import eventually

Object = dict[str, Any]
Apply = Callable[[list[Object]], None]

EVERY: Final = 1.0
"""Seconds between two syncs."""

LIMIT: Final = 30.0
ARGO_CD: Final = "argocd-controller"
FLUX: Final = "kustomize-controller"

PATHS: Final = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
    "BrandRelease": "/apis/brandrelease.dev/v1alpha1/namespaces/{}/brandreleases/{}",
}


class Sync:
    """Brings what the folder of a branch says to the cluster, every second."""

    def __init__(self, url: str, folder: str, checkout: Path, apply: Apply) -> None:
        self._folder, self._checkout, self.apply = checkout / folder, checkout, apply
        self.count, self.problems = 0, list[str]()
        self._ended = threading.Event()
        self._git("init", "--quiet", str(checkout))
        self._git("-C", str(checkout), "remote", "add", "origin", url)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Sync while the block runs."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(LIMIT)

    def has_synced(self, times: int = 2) -> None:
        """Wait until that many syncs have begun and ended from now on."""
        enough = self.count + times + 1  # the one that is under way began before
        eventually(lambda: self.count >= enough, LIMIT, lambda: f"{self.count} syncs; problems: {self.problems}")

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._git("-C", str(self._checkout), "fetch", "--quiet", "--depth", "1", "origin", "master")
                self._git("-C", str(self._checkout), "reset", "--quiet", "--hard", "FETCH_HEAD")
                self.apply(objects_of(self._folder))
            except (AssertionError, subprocess.SubprocessError) as problem:
                self.problems.append(str(problem))
            self.count += 1
            self._ended.wait(EVERY)

    @staticmethod
    def _git(*arguments: str) -> None:
        subprocess.run(("git", *arguments), check=True, capture_output=True, timeout=LIMIT)


def objects_of(folder: Path) -> list[Object]:
    """What the kustomization of a folder lists."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [each for name in listed for each in yaml.safe_load_all((folder / name).read_text())]


def as_flux(kubeconfig: Path, *, ignores_the_image: bool) -> Apply:
    """As kustomize-controller applies, by its own library, with spec.ignore of our example or without."""
    examples = list(yaml.safe_load_all((EXAMPLES / "flux" / "site.yaml").read_text()))
    rules = next(each["spec"]["ignore"] for each in examples if each["kind"] == "Kustomization")

    def apply(objects: list[Object]) -> None:
        names = [each["metadata"]["name"] for each in objects if each["kind"] == "Deployment"]
        scoped = [{**rule, "target": {**rule["target"], "name": names[0]}} for rule in rules]
        request = {"objects": objects, "ignore": scoped if ignores_the_image else []}
        argv = (program(), "apply", kubeconfig)
        done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    return apply


def as_argo_cd(kubeconfig: Path, *, respects_differences: bool) -> Apply:
    """Server-side apply with force. Where differences are respected, what the trusted manager owns is taken as it is.

    Played, not Argo CD's own code: of the operator's fields, Git can only have the image.
    """
    api = Api(kubeconfig)

    def apply(objects: list[Object]) -> None:
        for each in objects:
            metadata = each["metadata"]
            path = PATHS[each["kind"]].format(metadata["namespace"], metadata["name"])
            live = api.get(path)
            if respects_differences and each["kind"] == "Deployment" and live.code == 200:
                _respect(each, live.body)
            api.apply(path, each, ARGO_CD, force=True).expect(201 if live.code == 404 else 200)

    return apply


def _respect(wanted: Object, live: Object) -> None:
    managers = [each["manager"] for each in live["metadata"]["managedFields"] if "f:image" in json.dumps(each)]
    if FIELD_MANAGER in managers:
        there = live["spec"]["template"]["spec"]["containers"][0]["image"]
        wanted["spec"]["template"]["spec"]["containers"][0]["image"] = there
