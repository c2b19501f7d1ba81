"""The kernel kills the operator in the middle of a release, since it uses more memory than it may."""

import os
import signal
from typing import Any

import pytest

from apiserver.operated_site import SETTLE, Site
from support.memory_limit import memory_limit

MORE = 256 * 1024
"""Bytes that it may use beside what it has."""

LARGE = 3 * 1024 * 1024
"""Bytes of an annotation, which an event tells: the operator has to read it to know that it is of no interest."""


def large_event(number: int) -> dict[str, Any]:
    metadata = {"name": "large", "namespace": "any", "uid": "large", "resourceVersion": str(10**9 + number)}
    padding = {"annotations": {"example.com/large": "x" * LARGE}}
    return {"type": "MODIFIED", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | padding}}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a cgroup")
@pytest.mark.timeout(90, func_only=True)
def test_an_operator_that_is_killed_for_its_memory_is_followed_by_one_that_goes_on(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    before, commit = site.generation(), site.push("two")
    site.controller.sees_no_new_pods.set()
    site.release("two")
    site.until("it deploys", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    process = site.operator._process
    assert process is not None
    with memory_limit("brandrelease-oom") as limit, site.proxy.telling("pods", large_event, rate=2):
        limit.put(process.pid, MORE)
        site.until("the kernel kills it", lambda: process.poll() is not None, SETTLE)
        assert process.returncode == -signal.SIGKILL
        assert limit.killed() == 1, "it was the kernel, for the memory"
    site.start()
    site.controller.sees_no_new_pods.clear()
    status = site.becomes_live(commit)
    assert {entry["outcome"] for entry in status["history"]} == {"Succeeded"}
    assert site.generation() == before + 1, "nothing was done twice"
