"""docs/permissions.md: every right of the operator in Kubernetes, what for, and how it is given."""

from typing import Final

from brandrelease.adapters.kube.permissions import GRANTS, Grant, Permission

_HEAD: Final = """\
<!-- Generated from operator/brandrelease/adapters/kube/permissions.py and codegen/permissions_page.py by 'make generate'; do not edit. -->
# Permissions

For whoever decides what the operator may do in a cluster.

Every right of the operator in Kubernetes. It has no other: no `*`, no `escalate`, `bind` or `impersonate`, no pods that it
makes itself, and Secrets only one at a time by name, never by a list or a watch. `make e2e` runs every story under this
service account with the audit log on, and fails where a request was denied, and where a right was used by no story.

## Giving them

The Helm chart brings the roles along, and so does `deploy/install.yaml` ([installing](installing.md)). What the operator
may change is given for each namespace of a brand:

```yaml
# values of the chart
brandNamespaces:
  - name: drumeo-production
    hooks: true           # Brands may have hooks there
    secretsInLogs: true   # logs of pods that use Secrets are told, without their values
  - name: drumeo-staging
```

Without Helm, each is a command, and so it is where somebody else than the platform team decides it:

```sh
kubectl apply -n drumeo-production -f deploy/rbac/brand-namespace.yaml
kubectl apply -n drumeo-production -f deploy/rbac/brand-namespace-hooks.yaml             # hooks
kubectl apply -n drumeo-production -f deploy/rbac/brand-namespace-secrets-in-logs.yaml   # secretsInLogs
```

## What it sees

`rbac.mode: ClusterWide`, the default and what `deploy/install.yaml` has: BrandReleases, Deployments, pods and Jobs of all
namespaces are seen. What may be changed stays in the namespaces above: a new one needs no restart. A BrandRelease in any
other namespace is not worked on; the log says so with each try.

`rbac.mode: Namespaces`: nothing is seen but the namespaces in `brandNamespaces`, which become
`BRANDRELEASE_WATCH_NAMESPACES`. A new one starts new pods of the operator, one after the other.

If it is to watch all namespaces and may not, it starts, says so, and begins when it may.
"""

_TAIL: Final = """\
## What the rights mean

**Creating Jobs.** A Job in a namespace can use any Secret and ServiceAccount of it. That is why hooks have a role of their
own. The operator makes only the Jobs of the hooks that a Brand names, from the Deployment's own template, and checks who
owns a Job of that name. But whoever takes the operator over has what the sites have; so has, already, whoever can change
their image. Do not bind these roles in `kube-system`, nor by a ClusterRoleBinding.

**Secrets.** RBAC cannot say "those that a Brand names": `get` in the build namespace and in the operator's own is for all
Secrets there. Keep nothing else in these namespaces.

**Patching Deployments.** RBAC cannot say "the image of one container". The operator applies that and its own labels and
annotation, server-side, to Deployments in the namespace of the BrandRelease. It cannot create or delete any.

**What everybody has.** Kubernetes lets every service account ask which APIs there are (`system:discovery`), and kopf does.
"""


def permissions_page() -> str:
    """The text of docs/permissions.md."""
    return "\n".join([_HEAD, "## Every right\n", *map(_grant, GRANTS), _TAIL])


def _grant(grant: Grant) -> str:
    lost = f"Optional. {grant.without}" if grant.without else "Needed."
    rows = "\n".join(map(_row, grant.permissions))
    return (
        f"### {grant.role}: {grant.where}\n\n{lost}\n\n"
        f"| API group | Resource | Verbs | What for |\n|---|---|---|---|\n{rows}\n"
    )


def _row(permission: Permission) -> str:
    group = f"`{permission.resource.group}`" if permission.resource.group else "core"
    return f"| {group} | `{permission.kind}` | {', '.join(permission.verbs)} | {permission.what_for} |"
