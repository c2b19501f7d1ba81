"""What every command has at hand: the cluster, the terminal and the time."""

import getpass
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.kubeconfig import NoCluster
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.wellknown import FIELD_MANAGER
from brandrelease.cli.called import PLUGIN
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.terminal import Terminal
from brandrelease.ports import Clock

MANAGER_LIMIT: Final = 128
"""Characters that the API server allows for the name of a field manager."""


@dataclass(frozen=True, slots=True)
class Session:
    """One call of the command."""

    api: KubeApi
    terminal: Terminal
    clock: Clock


@asynccontextmanager
async def session(
    terminal: Terminal, who: str | None, kubeconfig: Path | None, context: str | None
) -> AsyncIterator[Session]:
    """Connected to the cluster that kubectl would talk to.

    who: the name that releases are asked for under; the API server keeps it with each field that is written.
    """
    try:
        api = await KubeApi.connect_as(_manager(who), kubeconfig, context)
    except NoCluster as error:
        raise Problem(
            f"No cluster is known: {error}. Set KUBECONFIG, or give --kubeconfig and --context, as for kubectl.",
            Exit.Unavailable,
        ) from error
    try:
        yield Session(api, terminal, SystemClock())
    finally:
        await api.close()


def _manager(who: str | None) -> str:
    """A name that the API server takes: what people type, without what it would refuse."""
    name = re.sub(r"[^\x21-\x7e]+", "-", who or _login())[:MANAGER_LIMIT]
    return PLUGIN if name in {"", FIELD_MANAGER} else name  # what the operator writes must not be taken for theirs


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user of that number
        return ""
