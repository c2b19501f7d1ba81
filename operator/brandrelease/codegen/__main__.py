"""`python -m brandrelease.codegen` writes what is generated; with `--check` it only says whether that is up to date.

Generated are `crds/`, and beside that `deploy/rbac/`, `docs/api.md`, `docs/permissions.md`, `docs/verdicts.md`, what the
code knows in `docs/reasons.md`, and what `explain` says.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from brandrelease.codegen.api_page import api_page
from brandrelease.codegen.crd import generated_files
from brandrelease.codegen.permissions_page import permissions_page
from brandrelease.codegen.rbac import rbac_files
from brandrelease.codegen.reasons_copy import reasons_copy
from brandrelease.codegen.reasons_page import completed
from brandrelease.codegen.verdicts import verdicts_page

REPOSITORY: Final = Path(__file__).resolve().parents[3]
PERMISSIONS: Final = "the table in operator/brandrelease/adapters/kube/permissions.py"


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one directory with their texts. source: what they must agree with. whole: no other YAML may be there."""

    directory: Path
    files: Mapping[str, str]
    source: str
    whole: bool = True

    def outdated(self) -> list[Path]:
        """The files that differ from what would be generated, are missing, or are no longer generated."""
        paths = {self.directory / name: text for name, text in self.files.items()}
        differing = [path for path, text in paths.items() if not path.is_file() or path.read_text("utf-8") != text]
        leftover = [path for path in sorted(self.directory.glob("*.yaml")) if path not in paths] if self.whole else []
        return differing + leftover

    def write(self) -> Iterator[str]:
        """Write what is outdated; says what was done."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in self.outdated():
            if path.name in self.files:
                path.write_text(self.files[path.name], "utf-8")
                yield f"wrote {path}"
            else:
                path.unlink()
                yield f"removed {path}"


def parts(crds: Path) -> list[Part]:
    """All that is generated. What would lie in a directory that is not there is nobody's business."""
    root = crds.resolve().parent
    docs, deploy, cli = root / "docs", root / "deploy", root / "operator" / "brandrelease" / "cli"
    found = [Part(crds, generated_files(), "the models in operator/brandrelease/apis")]
    if docs.is_dir():
        rules = "the rules in operator/brandrelease/core/health"
        found.append(Part(docs, {"verdicts.md": verdicts_page()}, rules, whole=False))
        found.append(Part(docs, {"permissions.md": permissions_page()}, PERMISSIONS, whole=False))
        models = "the models in operator/brandrelease/apis and the examples in operator/brandrelease/codegen"
        found.append(Part(docs, {"api.md": api_page()}, models, whole=False))
    found += _reasons(docs, cli)
    if deploy.is_dir():
        found.append(Part(deploy / "rbac", rbac_files(), PERMISSIONS))
    return found


def _reasons(docs: Path, cli: Path) -> Iterator[Part]:
    """The one page that people write too: what they wrote stays."""
    page = docs / "reasons.md"
    if page.is_file():
        text = completed(page.read_text("utf-8"))
        yield Part(docs, {page.name: text}, "core/blame.py and core/health/chain.py", whole=False)
        if cli.is_dir():
            yield Part(cli, {page.name: reasons_copy(text)}, "docs/reasons.md", whole=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, or check; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m brandrelease.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    parser.add_argument(
        "--directory",
        type=Path,
        default=REPOSITORY / "crds",
        help="where the CRDs are; docs/ and deploy/ lie beside it",
    )
    options = parser.parse_args(arguments)
    generated = parts(options.directory)
    if not options.check:
        for part in generated:
            for line in part.write():
                print(line)
        return 0
    outdated = [(path, part.source) for part in generated for path in part.outdated()]
    for path, source in outdated:
        print(f"{path} differs from {source}", file=sys.stderr)
    if outdated:
        print("Run 'make generate' and commit what it writes.", file=sys.stderr)
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
