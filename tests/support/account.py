"""The operator's own service account in a story, with what deploy/install.yaml and deploy/rbac give it and nothing else."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from support import install_manifest
from support.kubectl import Kubectl, eventually

Object = dict[str, Any]

RBAC: Final = Path(__file__).parents[2] / "deploy" / "rbac"
NAME: Final = "brandrelease"
HOOKS: Final = "brand-namespace-hooks.yaml"
SECRETS_IN_LOGS: Final = "brand-namespace-secrets-in-logs.yaml"
TOKEN_LASTS: Final = "6h"


EVERYWHERE: Final = "brandrelease-watch-everywhere"
RIGHTS: Final = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def shared() -> list[Object]:
    """What all operators of a cluster have in common: the roles that are in no namespace of theirs."""
    return [each for each in _installed() if _is_shared(each)]


def brand_namespace() -> Object:
    """What an administrator adds to a brand namespace for an operator in the usual namespace."""
    (binding,) = _documents("brand-namespace.yaml")
    return binding


@dataclass(frozen=True)
class Account:
    """The service account of one story's operator. own, builds: its namespaces in place of those that the files name."""

    kubectl: Kubectl
    story: str
    own: str
    builds: str

    @property
    def user(self) -> str:
        """What the API server calls it."""
        return f"system:serviceaccount:{self.own}:{NAME}"

    def create(self, kubeconfig: Path) -> None:
        """Make it, with all that it has in any case, and write the kubeconfig with which it logs in."""
        own = [each for each in _installed() if not _is_shared(each) and each["metadata"]["name"] != EVERYWHERE]
        self.kubectl.apply(*map(self._of_this_story, own))
        token = self.kubectl.run("create", "token", NAME, f"--namespace={self.own}", f"--duration={TOKEN_LASTS}")
        login = yaml.safe_load(self.kubectl.kubeconfig.read_text())
        login["users"][0]["user"] = {"token": token.strip()}
        kubeconfig.write_text(json.dumps(login))
        kubeconfig.chmod(0o600)

    def bind(self, namespace: str, files: Iterable[str]) -> None:
        """What an administrator does for a brand namespace."""
        given = [self._of_this_story(each) for name in files for each in _documents(name)]
        self.kubectl.apply(*[{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in given])

    def see_everything(self) -> None:
        """What an administrator does so that all namespaces can be watched."""
        bindings = [each for each in _installed() if not _is_shared(each) and each["metadata"]["name"] == EVERYWHERE]
        self.kubectl.apply(*map(self._of_this_story, bindings))

    def may(self, *rights: Mapping[str, str]) -> None:
        """Wait until the API server has taken note of these: each is a verb, a resource and perhaps a namespace and a group."""
        reviews = [
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {"user": self.user, "resourceAttributes": dict(right)},
            }
            for right in rights
        ]
        text = "\n---\n".join(map(json.dumps, reviews))

        def allowed() -> bool:
            answer = self.kubectl.run("create", "-f", "-", "--output=jsonpath={.status.allowed} ", stdin=text)
            return answer.split() == ["true"] * len(reviews)

        eventually(allowed, 10, f"{self.user} has not all of its rights")

    def remove(self) -> None:
        """What no namespace of the story takes along."""
        for kind, name, namespace in (
            ("clusterrolebinding", "brandrelease", ""),
            ("clusterrolebinding", EVERYWHERE, ""),
            ("rolebinding", "brandrelease-events-of-brands", "default"),
        ):
            self.kubectl.delete(kind, f"{name}-{self.story}", namespace or "default", wait=False)

    def _of_this_story(self, body: Object) -> Object:
        places = {install_manifest.NAMESPACE: self.own, install_manifest.BUILDS: self.builds}
        metadata = dict(body["metadata"])
        namespace = metadata.get("namespace", "")
        metadata |= {"namespace": places[namespace]} if namespace in places else {}
        if body["kind"] == "ClusterRoleBinding" or namespace == "default":
            metadata["name"] += f"-{self.story}"
        subjects = [{**each, "namespace": places[each["namespace"]]} for each in body.get("subjects", ())]
        return {**body, "metadata": metadata, **({"subjects": subjects} if subjects else {})}


def _installed() -> list[Object]:
    """What an installation brings along for the operator's account."""
    return [each for each in install_manifest.documents() if each["kind"] in RIGHTS]


def _documents(name: str) -> list[Object]:
    return list(yaml.safe_load_all((RBAC / name).read_text()))


def _is_shared(body: Object) -> bool:
    in_default = (body["kind"], body["metadata"].get("namespace")) == ("Role", "default")
    return body["kind"] == "ClusterRole" or in_default
