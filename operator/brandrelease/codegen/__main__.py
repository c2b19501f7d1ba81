"""`python -m brandrelease.codegen` writes `crds/`; with `--check` it only says whether `crds/` is up to date."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from brandrelease.codegen.crd import generated_files

REPOSITORY = Path(__file__).resolve().parents[3]


def outdated(directory: Path, files: Mapping[str, str]) -> list[Path]:
    """The files that differ from what would be generated, are missing, or are no longer generated."""
    paths = {directory / name: text for name, text in files.items()}
    differing = [path for path, text in paths.items() if not path.is_file() or path.read_text("utf-8") != text]
    leftover = [path for path in sorted(directory.glob("*.yaml")) if path not in paths]
    return differing + leftover


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, or check; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m brandrelease.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    parser.add_argument("--directory", type=Path, default=REPOSITORY / "crds", help="where the files are")
    options = parser.parse_args(arguments)
    files = generated_files()
    changed = outdated(options.directory, files)
    if options.check:
        for path in changed:
            print(f"{path} differs from the models in operator/brandrelease/apis", file=sys.stderr)
        if changed:
            print("Run 'make generate' and commit what it writes.", file=sys.stderr)
        return 1 if changed else 0
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
