"""The table of permissions is what the adapters ask for, and what is installed is what the table says."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from brandrelease.adapters.kube import api
from brandrelease.adapters.kube.api import Resource
from brandrelease.adapters.kube.cluster import WatchedObjects
from brandrelease.adapters.kube.permissions import GRANTS, HOOKS, SECRETS_IN_LOGS, Grant, Permission, Verb, Where
from brandrelease.codegen.__main__ import main
from brandrelease.codegen.permissions_page import permissions_page
from brandrelease.codegen.rbac import rbac_files
from brandrelease.controller import handlers
from support import install_manifest

ROOT: Final = Path(__file__).resolve().parents[2]
ADAPTERS: Final = ROOT / "operator" / "brandrelease" / "adapters"
RESOURCES: Final = {name: thing for name, thing in vars(api).items() if isinstance(thing, Resource)}

VERBS: Final = {
    "get": ("", Verb.Get),
    "items": ("", Verb.List),
    "pages": ("", Verb.List),
    "versions": ("", Verb.List),
    "create": ("", Verb.Create),
    "would_create": ("", Verb.Create),
    "replace": ("", Verb.Update),
    "replace_status": ("status", Verb.Update),
    "patch_status": ("status", Verb.Patch),
    "apply": ("", Verb.Patch),
    "merge": ("", Verb.Patch),
    "delete": ("", Verb.Delete),
}
"""What RBAC calls what the methods of KubeApi do, and to which subresource."""

ASK_NOTHING: Final = {"path", "is_newest"}

Asked = tuple[str, str, Verb]
"""API group, resource with its subresource, verb."""


def in_the_sources() -> Iterator[Asked]:
    """Every `....get(PODS, ...)` of the adapters, and every `partial(....get, PODS, ...)`."""
    for path in ADAPTERS.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            match call:
                case (
                    ast.Call(func=ast.Attribute(attr=method), args=[ast.Name(id=name), *_])
                    | ast.Call(func=ast.Name(id="partial"), args=[ast.Attribute(attr=method), ast.Name(id=name), *_])
                ) if name in RESOURCES:
                    assert method in {*VERBS, *ASK_NOTHING}, f"{path} calls {method}: which verb is that?"
                    if method in VERBS:
                        subresource, verb = VERBS[method]
                        yield asked(Permission(RESOURCES[name], (verb,), "", subresource))


def asked(permission: Permission) -> Asked:
    (verb,) = permission.verbs
    return permission.resource.group, permission.kind, verb


def by_watches_and_resyncs() -> Iterator[Asked]:
    for kind, (group, _) in handlers.WATCHED.items():
        yield group, kind, Verb.List
        yield group, kind, Verb.Watch
    for resource in WatchedObjects._RESOURCES.values():
        yield resource.group, resource.plural, Verb.List


def granted(*grants: Grant) -> set[Asked]:
    return {
        (permission.resource.group, permission.kind, verb)
        for grant in grants or GRANTS
        for permission in grant.permissions
        for verb in permission.verbs
    }


def test_the_table_has_what_the_adapters_ask_for_and_nothing_else() -> None:
    log_of_a_pod = ("", "pods/log", Verb.Get)  # KubeApi.log
    assert granted() == {*in_the_sources(), *by_watches_and_resyncs(), log_of_a_pod}


def test_no_right_is_given_twice_in_one_place() -> None:
    for grant in GRANTS:
        rights = [
            asked(Permission(p.resource, (verb,), "", p.subresource)) for p in grant.permissions for verb in p.verbs
        ]
        assert len(rights) == len(set(rights)), grant.role


@pytest.mark.parametrize("grant", GRANTS, ids=lambda grant: f"{grant.role}-{grant.where.name}")
def test_nothing_is_granted_that_leads_further(grant: Grant) -> None:
    rights = granted(grant)
    assert not any("*" in part for right in rights for part in right)
    assert {verb for _, _, verb in rights} <= set(Verb), "no escalate, bind, impersonate or deletecollection"
    assert {verb for _, kind, verb in rights if kind == "secrets"} <= {Verb.Get}
    assert {verb for _, kind, verb in rights if kind == "pods"} <= {Verb.Get, Verb.List, Verb.Watch}
    assert "rbac.authorization.k8s.io" not in {group for group, _, _ in rights}
    assert all(permission.what_for for permission in grant.permissions)


def test_in_brand_namespaces_secrets_and_new_jobs_are_options() -> None:
    powerful = {("", "secrets", Verb.Get), ("batch", "jobs", Verb.Create), ("batch", "jobs", Verb.Delete)}
    for grant in (grant for grant in GRANTS if grant.where is Where.Brand):
        optional = grant in {HOOKS, SECRETS_IN_LOGS}
        assert bool(granted(grant) & powerful) == optional
        assert bool(grant.without) == optional


def test_the_whole_cluster_is_only_looked_at_but_for_the_status_of_brands() -> None:
    writes = {right for grant in GRANTS if grant.where is Where.Cluster for right in granted(grant)}
    assert {right for right in writes if right[2] not in {Verb.Get, Verb.List, Verb.Watch}} == {
        ("brandrelease.dev", "brands/status", Verb.Update)
    }


# --- what is generated --------------------------------------------------------------------------------------------------


def documents() -> list[dict[str, Any]]:
    """What is applied once, and what is applied for each brand namespace."""
    return [*install_manifest.documents(), *map(yaml.safe_load, rbac_files().values())]


def test_the_roles_are_the_table() -> None:
    roles = [body for body in documents() if body["kind"] in {"Role", "ClusterRole"}]
    rules = {
        (rule["apiGroups"][0], rule["resources"][0], verb)
        for body in roles
        for rule in body["rules"]
        for verb in rule["verbs"]
    }
    assert len(roles) == len(GRANTS)
    assert rules == granted()


def test_every_role_is_bound_once_to_one_account() -> None:
    bindings = [body for body in documents() if body["kind"] in {"RoleBinding", "ClusterRoleBinding"}]
    assert sorted(body["roleRef"]["name"] for body in bindings) == sorted(grant.role for grant in GRANTS)
    (account,) = [body for body in documents() if body["kind"] == "ServiceAccount"]
    for body in bindings:
        (subject,) = body["subjects"]
        assert all(account["metadata"][key] == subject[key] for key in ("name", "namespace"))


def test_brand_namespaces_are_bound_by_role_bindings_only() -> None:
    brand_roles = {grant.role for grant in GRANTS if grant.where is Where.Brand}
    bindings = [b for b in documents() if "roleRef" in b and b["roleRef"]["name"] in brand_roles]
    assert {body["kind"] for body in bindings} == {"RoleBinding"}
    assert all("namespace" not in body["metadata"] for body in bindings), "kubectl apply -n says where"


def test_the_files_and_the_page_are_what_is_generated() -> None:
    directory = ROOT / "deploy" / "rbac"
    assert {path.name: path.read_text("utf-8") for path in directory.iterdir()} == rbac_files()
    assert (ROOT / "docs" / "permissions.md").read_text("utf-8") == permissions_page()


def test_a_binding_that_was_changed_by_hand_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crds, role = tmp_path / "crds", tmp_path / "deploy" / "rbac" / "brand-namespace.yaml"
    (tmp_path / "deploy").mkdir()
    assert main(["--directory", str(crds)]) == 0
    assert main(["--directory", str(crds), "--check"]) == 0
    role.write_text(role.read_text("utf-8").replace("brandrelease-system", "elsewhere"), "utf-8")
    assert main(["--directory", str(crds), "--check"]) == 1
    assert f"{role} differs from the table" in capsys.readouterr().err
