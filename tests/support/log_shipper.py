"""What Fluent Bit does on a node: every line that the pods of a site print goes into an index of logs, with its time."""

import re
import subprocess
import threading
from collections.abc import Iterator
from queue import Empty, Queue
from types import TracebackType
from typing import Self

from support.kubectl import Kubectl
from support.opensearch.server import OpenSearchServer

EVERY_SECONDS = 0.3
_ERROR = re.compile(r"PHP (Fatal error|Warning)|SQLSTATE")


class LogShipper:
    """While the block runs, ships the logs of the pods in the namespace."""

    def __init__(self, kubectl: Kubectl, namespace: str, store: OpenSearchServer, index: str) -> None:
        self._kubectl, self._namespace = kubectl, namespace
        self._store, self._index = store, index
        self._lines: Queue[dict[str, object]] = Queue()
        self._followed: dict[str, subprocess.Popen[str]] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._find, self._send)]

    def __enter__(self) -> Self:
        self._store.create(self._index, {"@timestamp": "date", "level": "keyword", "message": "text", "pod": "keyword"})
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        for process in self._followed.values():
            process.kill()
            process.wait()

    def _find(self) -> None:
        """Follow the log of each pod from when it runs."""
        with self._kubectl.watch("pods", namespace=self._namespace) as versions:
            while not self._stop.is_set():
                try:
                    _, pod = versions.get(timeout=EVERY_SECONDS)
                except Empty:
                    continue
                name = pod["metadata"]["name"]
                if name not in self._followed and pod["status"].get("phase") == "Running":
                    self._followed[name] = self._kubectl.follow_log(name, self._namespace)
                    threading.Thread(target=self._read, args=(name,), daemon=True).start()

    def _read(self, pod: str) -> None:
        output = self._followed[pod].stdout
        assert output is not None
        for line in output:
            at, _, text = line.rstrip("\n").partition(" ")
            level = "error" if _ERROR.search(text) else "info"
            self._lines.put({"@timestamp": at, "level": level, "message": text, "pod": pod})

    def _send(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            if lines := list(self._waiting()):
                self._store.bulk(self._index, lines)

    def _waiting(self) -> Iterator[dict[str, object]]:
        try:
            while True:
                yield self._lines.get_nowait()
        except Empty:
            return
