"""deploy/install.yaml: the charts with deploy/install.values.yaml, for those who install without Helm.

`python -m support.install_manifest` writes it again where the charts have changed. That needs Helm; to see whether it is
needed does not: the file says of which charts it was made.
"""

import functools
import hashlib
import sys
from typing import Any, Final

import yaml

from support.helm import CHART, CHARTS, CRDS, Helm

Object = dict[str, Any]

DEPLOY: Final = CHARTS.parent / "deploy"
FILE: Final = DEPLOY / "install.yaml"
VALUES: Final = DEPLOY / "install.values.yaml"
NAMESPACE: Final = "brandrelease-system"
BUILDS: Final = "brandrelease-builds"
NOBODYS_NETWORK: Final = "192.0.2.0/24"
NOBODYS_IMAGE: Final = "registry.invalid/brandrelease:0.1.0"
_OF: Final = "# Of charts with the SHA-256 "
_NOT_RENDERED: Final = {"README.md", "NOTES.txt"}


def key() -> str:
    """Changes with everything that decides what is rendered."""
    whole = hashlib.sha256(VALUES.read_bytes())
    for path in sorted(path for path in CHARTS.rglob("*") if path.is_file() and path.name not in _NOT_RENDERED):
        whole.update(f"\0{path.relative_to(CHARTS)}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def is_current() -> bool:
    """Whether it was made of the charts as they are now."""
    return FILE.is_file() and f"{_OF}{key()}\n" in FILE.read_text("utf-8")


def rendered(helm: Helm) -> str:
    """The text as it has to be."""
    kinds = helm.run("template", "brandrelease-crds", CRDS, "--namespace", NAMESPACE)
    operator = helm.run("template", "brandrelease", CHART, "--namespace", NAMESPACE, "--values", VALUES)
    return (
        "# The operator for `kubectl apply --server-side -f`. What has to be put in place of what: docs/installing.md.\n"
        "# Made by 'make generate' of charts/ and deploy/install.values.yaml; do not edit.\n"
        f"{_OF}{key()}\n{kinds}{operator}"
    )


@functools.cache
def documents() -> tuple[Object, ...]:
    """The objects in the file, but for the CRDs, which are large and in crds/ too."""
    texts = FILE.read_text("utf-8").split("\n---\n")
    read = (yaml.safe_load(text) for text in texts if "\nkind: CustomResourceDefinition\n" not in text)
    return tuple(each for each in read if each)


def main() -> int:
    """Write what is outdated; says what was done."""
    if not is_current():
        FILE.write_text(rendered(Helm.compiled()), "utf-8")
        print(f"wrote {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
