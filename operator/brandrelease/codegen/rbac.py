"""deploy/rbac: the roles of the operator, and what binds them to its service account."""

from collections.abc import Iterable
from typing import Final

from brandrelease.adapters.kube.permissions import (
    BRAND,
    BUILDS,
    CLUSTER,
    DEFAULT,
    EVERYWHERE,
    HOOKS,
    OWN,
    SECRETS_IN_LOGS,
    Grant,
    Permission,
    Where,
)
from brandrelease.settings import DEFAULT_NAMESPACE, Settings

ACCOUNT: Final = "brandrelease"
"""Name of the operator's service account."""

_HEADER: Final = (
    "# Generated from operator/brandrelease/adapters/kube/permissions.py by 'make generate'; do not edit.\n"
    "# docs/permissions.md says how to use it.\n"
)
_NAMESPACES: Final = {
    Where.Own: DEFAULT_NAMESPACE,
    Where.Builds: str(Settings.model_fields["build_namespace"].default),
    Where.Default: "default",
}
_API: Final = "rbac.authorization.k8s.io"


def rbac_files() -> dict[str, str]:
    """Every generated file: its name and its text."""
    account = _document("v1", "ServiceAccount", ACCOUNT, DEFAULT_NAMESPACE)
    given = [text for grant in (CLUSTER, OWN, BUILDS, DEFAULT) for text in (_role(grant), _binding(grant))]
    to_bind = [_role(grant) for grant in (BRAND, HOOKS, SECRETS_IN_LOGS)]
    return {
        "operator.yaml": _file(account, *given, *to_bind),
        "brand-namespace.yaml": _file(_binding(BRAND)),
        "brand-namespace-hooks.yaml": _file(_binding(HOOKS)),
        "brand-namespace-secrets-in-logs.yaml": _file(_binding(SECRETS_IN_LOGS)),
        "cluster-wide.yaml": _file(_role(EVERYWHERE), _binding(EVERYWHERE)),
    }


def _file(*documents: str) -> str:
    return _HEADER + "---\n".join(documents)


def _document(version: str, kind: str, name: str, namespace: str | None) -> str:
    where = f"  namespace: {namespace}\n" if namespace else ""
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{where}"


def _role(grant: Grant) -> str:
    """A ClusterRole where it is bound in the whole cluster or in namespaces that nobody knows yet; else a Role."""
    namespace = _NAMESPACES.get(grant.where)
    head = _document(f"{_API}/v1", "Role" if namespace else "ClusterRole", grant.role, namespace)
    return f"{head}rules:\n{''.join(map(_rule, grant.permissions))}"


def _rule(permission: Permission) -> str:
    names = f"    resourceNames: {_list(permission.names)}\n" if permission.names else ""
    return (
        f"  # {permission.what_for}\n"
        f'  - apiGroups: ["{permission.resource.group}"]\n'
        f"    resources: {_list([permission.kind])}\n"
        f"{names}"
        f"    verbs: {_list(permission.verbs)}\n"
    )


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _binding(grant: Grant) -> str:
    """What gives the grant to the operator. One for brand namespaces names none: kubectl apply -n says which."""
    namespace = _NAMESPACES.get(grant.where)
    kind = "ClusterRoleBinding" if grant.where is Where.Cluster else "RoleBinding"
    return (
        f"{_document(f'{_API}/v1', kind, grant.role, namespace)}"
        f"roleRef:\n  apiGroup: {_API}\n  kind: {'Role' if namespace else 'ClusterRole'}\n  name: {grant.role}\n"
        f"subjects:\n  - kind: ServiceAccount\n    name: {ACCOUNT}\n    namespace: {DEFAULT_NAMESPACE}\n"
    )
