"""One brand with many environments and the operator at work: each test of the command line takes one of them."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from apiserver.objects import RELEASES
from apiserver.operated_site import SETTLE, Object, Site
from apiserver.played_cluster import crashing, pod_of, serving
from brandrelease.apis.wellknown import RELEASE_LABEL
from support.command_line import CommandLine, kubeconfig_of

ENVIRONMENTS: Final = 24
PODS: Final = "/api/v1/namespaces/{}/pods"
ACCOUNTS: Final = "/api/v1/namespaces/{}/serviceaccounts"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"


class Environment:
    """One environment, with a branch of its own."""

    def __init__(self, site: Site, number: int) -> None:
        self.site, self.number = site, number
        self.name = self.branch = f"e{number}"

    def push(self) -> str:
        """A commit and its image."""
        return self.site.push(self.branch)

    def is_live(self) -> str:
        """A release through to its end."""
        return self.site.is_live(self.branch, self.number)

    def release(self) -> Object:
        """The BrandRelease, whoever made it; empty where there is none."""
        items = self.site.api.get(RELEASES.format(self.site.name)).expect(200)["items"]
        return next((dict(each) for each in items if each["spec"]["environment"] == self.name), {})

    def status(self) -> Object:
        return dict(self.release().get("status") or {})

    def phase(self) -> str:
        return str(self.status().get("phase"))

    def comes_to(self, phase: str) -> None:
        self.site.until(f"{self.name} comes to {phase}", lambda: self.phase() == phase, SETTLE)

    def change(self, **fields: object) -> None:
        """Other fields of the environment in the Brand."""
        path = f"/apis/brandrelease.dev/v1alpha1/brands/{self.site.name}"
        environments = self.site.api.get(path).expect(200)["spec"]["environments"]
        for each in environments:
            if each["name"] == self.name:
                each.update(fields)
        self.site.api.merge(path, {"spec": {"environments": environments}}).expect(200)

    def pod(self, name: str, *, crashes: bool = False, node: str | None = None, job: str | None = None) -> None:
        """A pod of the template as it is now, or of a Job; the API server alone makes none."""
        if not job:
            self.site.until(f"the Deployment of {self.name} is changed", self._is_changed, SETTLE)
        deployment = self.site.deployment(self.number)
        template = deployment["spec"]["template"]
        labels = {"batch.kubernetes.io/job-name": job} if job else template["metadata"]["labels"]
        body = pod_of(f"{deployment['metadata']['name']}-6d4cf56db6-{name}", template, labels)
        if node:
            body["spec"] = {**template["spec"], "nodeName": node}
        path = PODS.format(self.site.name)
        self.site.api.post(path, body).expect(201)
        status = crashing(template) if crashes else serving(template)
        self.site.api.merge(f"{path}/{body['metadata']['name']}/status", {"status": status}).expect(200)

    def _is_changed(self) -> bool:
        """The template is the release's: a phase is written before it is acted on."""
        labels = self.site.deployment(self.number)["spec"]["template"]["metadata"]["labels"]
        return bool(labels.get(RELEASE_LABEL) == str(self.status()["current"]["number"]))


class Shop:
    """The site, and `command`: the command line of an administrator."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.site, self.name, self._directory = site, site.name, directory
        self._numbers = itertools.count()
        self.command = CommandLine(site.server.kubeconfig, directory)
        site.brand(environments=ENVIRONMENTS)
        site.start()

    def environment(self) -> Environment:
        """One that no other test has."""
        return Environment(self.site, next(self._numbers))

    @contextmanager
    def without_new_pods(self) -> Iterator[None]:
        """No Deployment changes over meanwhile."""
        self.site.controller.sees_no_new_pods.set()
        try:
            yield
        finally:
            self.site.controller.sees_no_new_pods.clear()

    def somebody(self, name: str, *rules: dict[str, Any], everywhere: tuple[dict[str, Any], ...] = ()) -> CommandLine:
        """The command line of somebody who has these rights in the namespace, and those everywhere."""
        api, where = self.site.api, self.name
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        api.post(ACCOUNTS.format(where), account).expect(201)
        self._grant("Role", f"{RBAC}/namespaces/{where}", name, list(rules))
        self._grant("ClusterRole", RBAC, name, list(everywhere))
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = api.post(f"{ACCOUNTS.format(where)}/{name}/token", asked).expect(201)["status"]["token"]
        home = self._directory / name
        home.mkdir()
        return CommandLine(kubeconfig_of(self.site.server.kubeconfig, token, home / "kubeconfig"), home)

    def _grant(self, kind: str, path: str, name: str, rules: list[dict[str, Any]]) -> None:
        if not rules:
            return
        full = f"{self.name}-{name}"
        plural = f"{kind.lower()}s"
        self.site.api.post(
            f"{path}/{plural}",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": full},
                "rules": rules,
            },
        ).expect(201)
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": f"{kind}Binding",
            "metadata": {"name": full},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": full},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.name}],
        }
        self.site.api.post(f"{path}/{kind.lower()}bindings", binding).expect(201)
