"""`python -m brandrelease.codegen` writes `crds/` and `docs/verdicts.md`; with `--check` it only says whether they are up to date."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from brandrelease.codegen.crd import generated_files
from brandrelease.codegen.verdicts import verdicts_page

REPOSITORY = Path(__file__).resolve().parents[3]


def outdated(directory: Path, files: Mapping[str, str]) -> list[Path]:
    """The files that differ from what would be generated, are missing, or are no longer generated."""
    paths = {directory / name: text for name, text in files.items()}
    differing = [path for path, text in paths.items() if not path.is_file() or path.read_text("utf-8") != text]
    leftover = [path for path in sorted(directory.glob("*.yaml")) if path not in paths]
    return differing + leftover


def outdated_page(page: Path) -> bool:
    """Whether docs/verdicts.md differs from the rules; the page beside a directory without docs/ is nobody's business."""
    return page.parent.is_dir() and (not page.is_file() or page.read_text("utf-8") != verdicts_page())


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, or check; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m brandrelease.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    parser.add_argument(
        "--directory", type=Path, default=REPOSITORY / "crds", help="where the CRDs are; docs/ lies beside it"
    )
    options = parser.parse_args(arguments)
    files = generated_files()
    changed = outdated(options.directory, files)
    page = options.directory.resolve().parent / "docs" / "verdicts.md"
    pages = [page] if outdated_page(page) else []
    if options.check:
        for path in changed:
            print(f"{path} differs from the models in operator/brandrelease/apis", file=sys.stderr)
        for path in pages:
            print(f"{path} differs from the rules in operator/brandrelease/core/health", file=sys.stderr)
        if changed or pages:
            print("Run 'make generate' and commit what it writes.", file=sys.stderr)
        return 1 if changed or pages else 0
    for path in pages:
        path.write_text(verdicts_page(), "utf-8")
        print(f"wrote {path}")
    options.directory.mkdir(parents=True, exist_ok=True)
    for path in changed:
        if path.name in files:
            path.write_text(files[path.name], "utf-8")
            print(f"wrote {path}")
        else:
            path.unlink()
            print(f"removed {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
