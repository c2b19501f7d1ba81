"""Ports for programs that are told theirs: nobody else takes one before the program has bound it.

The kernel hands out ports for connections and for servers that name none; what it hands out was free a moment ago, and
may be another's when the program has started. These lie below, and each worker of the tests has some of its own.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from typing import Final

FIRST: Final = 20_000
"""The kernel hands out 32768 and above, Kubernetes its node ports from 30000 on."""

OF_A_WORKER: Final = 1_250
WORKERS: Final = 8


def _of_this_worker() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    first, at = FIRST + worker * OF_A_WORKER, os.getpid() % OF_A_WORKER
    ports = range(first, first + OF_A_WORKER)
    return itertools.cycle([*ports[at:], *ports[:at]])


_PORTS: Final = _of_this_worker()


def free_port(address: str = "127.0.0.1") -> int:
    """A port of this address that nobody listens on. The same one is given again only after all others."""
    return next(port for port in itertools.islice(_PORTS, OF_A_WORKER) if _is_free(address, port))


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # those of programs that have just ended are free
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
