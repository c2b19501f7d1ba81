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

The namespaces must exist: the operator's own (`brandrelease-system`), the build namespace (`brandrelease-builds`), and
those of the brands. With other names for the first two, change them in the files.

```sh
kubectl apply -f deploy/rbac/operator.yaml
kubectl apply -n drumeo-production -f deploy/rbac/brand-namespace.yaml   # once for each brand namespace
```

Then name the brand namespaces in `BRANDRELEASE_WATCH_NAMESPACES`. A new one needs the second command, and its name added
there.

More for a brand namespace, only where it is wanted:

```sh
kubectl apply -n drumeo-production -f deploy/rbac/brand-namespace-hooks.yaml
kubectl apply -n drumeo-production -f deploy/rbac/brand-namespace-secrets-in-logs.yaml
```

## All namespaces

With an empty `BRANDRELEASE_WATCH_NAMESPACES` the operator watches the whole cluster, and needs one file more:

```sh
kubectl apply -f deploy/rbac/cluster-wide.yaml
```

That lets it see BrandReleases, Deployments, pods and Jobs everywhere. What it may change stays in the namespaces in which
`brand-namespace.yaml` is applied: a new brand namespace needs that one command and no restart. A BrandRelease in a namespace
without it is not worked on; the log says so with each try.

Without `cluster-wide.yaml` it starts, says that it may not list BrandReleases in all namespaces, and begins when it may.
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
    only = f" (only `{'`, `'.join(permission.names)}`)" if permission.names else ""
    group = f"`{permission.resource.group}`" if permission.resource.group else "core"
    return f"| {group} | `{permission.kind}`{only} | {', '.join(permission.verbs)} | {permission.what_for} |"
