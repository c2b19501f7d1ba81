"""Every version of our objects that a cluster has seen, for whoever judges them at the end of a run."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from support.kubectl import Kubectl

Object = dict[str, Any]

FOLDER: Final = "seen-objects"
KINDS: Final = ("brands", "brandreleases")
WATCH_SECONDS: Final = 4 * 3600


@contextmanager
def recorded(kubectl: Kubectl, cluster_directory: Path) -> Iterator[None]:
    """While the block runs, every version is written to the cluster's directory. Others may write there beside us."""
    folder = cluster_directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as after:
        for kind in KINDS:
            sink = after.enter_context((folder / f"{kind}-{os.getpid()}.json").open("ab"))
            path = f"/apis/brandrelease.dev/v1alpha1/{kind}?watch=true&timeoutSeconds={WATCH_SECONDS}"
            argv = (kubectl.program, f"--kubeconfig={kubectl.kubeconfig}", "get", "--raw", path)
            watch = after.enter_context(subprocess.Popen(argv, stdout=sink))
            after.callback(watch.kill)
        yield


def seen(cluster_directory: Path) -> list[Object]:
    """What was recorded: each object once in each state, without what no tool looks at."""
    distinct: dict[str, Object] = {}
    for file in sorted((cluster_directory / FOLDER).glob("*.json")):
        for body in _objects(file):
            distinct.setdefault(json.dumps(body, sort_keys=True), body)
    return list(distinct.values())


def _objects(file: Path) -> Iterator[Object]:
    for line in file.read_text().splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # the last line of a watch that was killed
            continue
        metadata = event["object"]["metadata"]
        if event["type"] in {"ADDED", "MODIFIED"} and "deletionTimestamp" not in metadata:
            kept = {
                name: metadata[name] for name in ("name", "namespace", "generation", "annotations") if name in metadata
            }
            yield {**event["object"], "metadata": kept}
