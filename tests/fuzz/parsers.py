"""The parsers of what strangers write, under atheris (libFuzzer for Python): `make atheris`.

Each runs in a process of its own for some seconds. An exception that a parser does not document ends it, and its input is
kept beside the log, in a file that `python -m fuzz.parsers --one NAME FILE` runs again.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("git-errors", "git-output", "refs", "logs", "checks", "objects")
LENGTH = 4096
SEEDS = {
    "git-output": ["a" * 40 + "\0Ada\0One\0", "a" * 40 + " " + "b" * 40 + "\n", "a" * 40 + "\trefs/heads/master\n"],
    "git-errors": [
        "fatal: unable to access 'u': The requested URL returned error: 503",
        "Load key x: y\nPermission denied (z)",
    ],
    "logs": ["hunter2\0password=hunter2 Authorization: Bearer abcDEF123456", "s\0-----BEGIN PRIVATE KEY-----\nMIIE\n"],
    "checks": [
        '{"data":{"resultType":"vector","result":[{"value":[1,"2.5"]}]}}',
        '{"error":{"root_cause":[{"reason":"r"}],"caused_by":{"reason":"c"}},"failed_shards":[{"reason":{"reason":"x"}}]}',
    ],
    "objects": [
        '{"metadata":{"uid":"u","name":"n","generation":1,"resourceVersion":"7"},"spec":{"template":{"spec":{"containers":[{"name":"a"}]}}}}',
        '{"metadata":{"name":"p","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[]},"status":{}}',
        '{"containerStatuses":[{"name":"a","state":{"waiting":{"reason":"x"}}}]}',
        '[{"involvedObject":{"name":"a"},"count":1,"lastTimestamp":"2026-01-01T00:00:00Z"}]',
        '{"id":"b","phases":[{"contexts":[{"message":"m"}]}],"environment":{"environmentVariables":[{"name":"BR_KEY"}]}}',
    ],
}
"""To begin with: what is never written by chance."""


def run_one(name: str, arguments: list[str]) -> None:
    """In this process; ends it."""
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # see the Makefile

    with atheris.instrument_imports(include=["brandrelease"]):
        from fuzz.targets import TARGETS
    atheris.Setup(
        [f"atheris-{name}", f"-max_len={LENGTH}", "-timeout=10", "-print_final_stats=1", *arguments], TARGETS[name]
    )
    atheris.Fuzz()


def main(seconds: str, seed: str) -> int:
    """All of them, one after the other; how many of them have failed."""
    directory, failed = Path(tempfile.mkdtemp(prefix="atheris-")), 0
    for name in NAMES:
        corpus = directory / name
        corpus.mkdir()
        for number, seed_text in enumerate(SEEDS.get(name, ())):
            (corpus / str(number)).write_text(seed_text)
        command = [
            sys.executable,
            "-m",
            "fuzz.parsers",
            "--one",
            name,
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            str(corpus),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
            cwd=directory,
        )
        (directory / f"{name}.log").write_text(done.stdout + done.stderr)
        runs = [each for each in done.stderr.splitlines() if "number_of_executed_units" in each]
        failed += done.returncode != 0
        print(
            f"{name}: {'well' if done.returncode == 0 else 'FAILED'}, {(runs or ['?'])[-1].split()[-1]} runs, {len(list(corpus.iterdir()))} kept"
        )
    print(f"Logs, inputs and what was found: {directory}")
    return failed


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        run_one(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main(sys.argv[1], sys.argv[2]))
