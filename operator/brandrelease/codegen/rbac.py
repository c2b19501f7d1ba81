"""The roles of the operator, and what binds them to its service account: of the Helm chart, and of deploy/rbac.

deploy/rbac has only what is applied once for each brand namespace; all the rest is in deploy/install.yaml, which is the
chart with its defaults.
"""

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
from brandrelease.settings import DEFAULT_NAMESPACE

ACCOUNT: Final = "brandrelease"
"""Name of the operator's service account."""

_GENERATED: Final = (
    "Generated from operator/brandrelease/adapters/kube/permissions.py by 'make generate'; do not edit.",
    "docs/permissions.md says how to use it.",
)
_RELEASE: Final = "{{ .Release.Namespace }}"
_NAMESPACES: Final = {Where.Own: _RELEASE, Where.Builds: "{{ .Values.builds.namespace }}", Where.Default: "default"}
_LABELS: Final = '  labels: {{- include "brandrelease.labels" . | nindent 4 }}\n'
_API: Final = "rbac.authorization.k8s.io"


def rbac_files() -> dict[str, str]:
    """Files of deploy/rbac. They name no namespace: kubectl apply -n says which."""
    header = "".join(f"# {line}\n" for line in _GENERATED)
    return {
        f"{name}.yaml": header + _binding(grant, _document(_API, "RoleBinding", grant.role), DEFAULT_NAMESPACE)
        for name, grant in (
            ("brand-namespace", BRAND),
            ("brand-namespace-hooks", HOOKS),
            ("brand-namespace-secrets-in-logs", SECRETS_IN_LOGS),
        )
    }


def rbac_template() -> dict[str, str]:
    """The template of the chart with every role, and with what binds it."""
    given = [text for grant in (CLUSTER, OWN, BUILDS, DEFAULT) for text in (_role(grant), _bound(grant))]
    to_bind = [_role(grant) for grant in (BRAND, HOOKS, SECRETS_IN_LOGS)]
    everywhere = f"{_role(EVERYWHERE)}---\n{_bound(EVERYWHERE)}"
    text = "---\n".join([*given, *to_bind, _if('eq .Values.rbac.mode "ClusterWide"', everywhere)])
    return {"rbac.yaml": f"{{{{- /* {' '.join(_GENERATED)} */ -}}}}\n{text}{_of_brand_namespaces()}"}


def _if(condition: str, text: str) -> str:
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def _of_brand_namespaces() -> str:
    """One binding for each of .Values.brandNamespaces, and more where its options are on."""
    options = ((HOOKS, "hooks"), (SECRETS_IN_LOGS, "secretsInLogs"))
    bindings = f"---\n{_in_a_brand_namespace(BRAND)}" + "".join(
        _if(f".{name}", f"---\n{_in_a_brand_namespace(grant)}") for grant, name in options
    )
    return f"{{{{- range .Values.brandNamespaces }}}}\n{bindings}{{{{- end }}}}\n"


def _in_a_brand_namespace(grant: Grant) -> str:
    head = _document(_API, "RoleBinding", grant.role, "{{ .name }}") + _LABELS.replace('labels" .', 'labels" $')
    return _binding(grant, head, _RELEASE.replace("{{ .", "{{ $."))


def _document(group: str, kind: str, name: str, namespace: str | None = None) -> str:
    where = f"  namespace: {namespace}\n" if namespace else ""
    return f"apiVersion: {group}/v1\nkind: {kind}\nmetadata:\n  name: {name}\n{where}"


def _role(grant: Grant) -> str:
    """A ClusterRole where it is bound in the whole cluster or in namespaces that nobody knows yet; else a Role."""
    namespace = _NAMESPACES.get(grant.where)
    head = _document(_API, "Role" if namespace else "ClusterRole", grant.role, namespace)
    return f"{head}{_LABELS}rules:\n{''.join(map(_rule, grant.permissions))}"


def _rule(permission: Permission) -> str:
    return (
        f"  # {permission.what_for}\n"
        f'  - apiGroups: ["{permission.resource.group}"]\n'
        f"    resources: {_list([permission.kind])}\n"
        f"    verbs: {_list(permission.verbs)}\n"
    )


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def _bound(grant: Grant) -> str:
    """What gives the grant to the operator, where that is known to the chart."""
    namespace = _NAMESPACES.get(grant.where)
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return _binding(grant, _document(_API, kind, grant.role, namespace) + _LABELS, _RELEASE)


def _binding(grant: Grant, head: str, account_namespace: str) -> str:
    kind = "Role" if grant.where in _NAMESPACES else "ClusterRole"
    return (
        f"{head}roleRef:\n  apiGroup: {_API}\n  kind: {kind}\n  name: {grant.role}\n"
        f"subjects:\n  - kind: ServiceAccount\n    name: {ACCOUNT}\n    namespace: {account_namespace}\n"
    )
