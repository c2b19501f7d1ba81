"""A git server and a registry that fail in the middle of releases: it is told what is wrong, and goes on by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apiserver.objects import BRANDS
from apiserver.operated_site import SETTLE, Site
from support.git_server import GitServer
from support.registry import RegistryServer

HEALED = 40.0
"""Seconds until it has asked again: the pauses between its questions double with each, and these troubles are short."""


def told(site: Site, reason: str) -> str:
    """Wait until the object says so; the message."""

    def ready() -> str | None:
        found = [each for each in site.status().get("conditions", []) if each["type"] == "Ready"]
        return found[0]["message"] if found and found[0]["reason"] == reason else None

    return site.until(f"it says {reason}", ready, HEALED)


def brand_is_ready(site: Site) -> bool:
    conditions = site.api.get(f"{BRANDS}/{site.name}").expect(200).get("status", {}).get("conditions", [])
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


@contextmanager
def answering(git: GitServer, status: int) -> Iterator[None]:
    git.status = status
    try:
        yield
    finally:
        git.status = 0


@pytest.mark.timeout(150, func_only=True)
def test_a_git_server_that_is_down_or_refuses_holds_up_what_is_new_and_nothing_else(site: Site, git: GitServer) -> None:
    site.brand(soak=0)
    site.start()
    live, before = site.is_live("one"), site.generation()
    for status, reason in ((503, "SourceUnreachable"), (401, "SourceAuthenticationFailed")):
        commit = site.push(f"after{status}")
        with answering(git, status):
            site.release(f"after{status}")
            told(site, reason)
            assert site.status()["running"]["commit"] == live
            assert site.generation() == before
        site.say("requestedAt", f"after {status}")  # it would ask by itself, after a pause
        site.becomes_live(commit, limit=HEALED)
        live, before = commit, before + 1
        assert site.generation() == before


@pytest.mark.timeout(150, func_only=True)
def test_a_commit_that_is_force_pushed_over_is_released_as_it_was_resolved(
    site: Site, registry: RegistryServer, git: GitServer
) -> None:
    site.brand()
    site.start()
    site.until("the Brand's own questions are answered", lambda: brand_is_ready(site), SETTLE)
    one = site.is_live("master")
    two = site.repository.commit({"page": "two"})
    site.say("requestedAt", "two")
    told(site, "WaitingForImage")
    site.repository.force_push("master", one)
    asked = len(git.requests)
    registry.push_image(f"sites/{site.name}", two, two)
    site.becomes_live(two, limit=HEALED)
    assert [each for each in git.requests[asked:] if site.name in each] == [], "a ref is resolved once"


@pytest.mark.timeout(150, func_only=True)
def test_a_registry_that_is_down_holds_up_what_is_new_and_nothing_else(
    site: Site, registry: RegistryServer, tmp_path: Path
) -> None:
    site.brand()
    site.start()
    one, before = site.is_live("one"), site.generation()
    commit = site.push("two")
    registry.stop()
    try:
        site.release("two")
        assert "It is asked again" in told(site, "RegistryUnreachable")
        assert site.status()["running"]["commit"] == one
        assert site.generation() == before
    finally:
        registry.start()
    site.becomes_live(commit, limit=HEALED)


@pytest.mark.timeout(150, func_only=True)
def test_a_running_image_that_is_deleted_is_not_gone_back_to(site: Site, registry: RegistryServer) -> None:
    site.brand(deadline=5)
    site.start()
    site.is_live("one")
    site.is_live("two")
    image = site.status()["running"]["image"]
    site.controller.sees_no_new_pods.set()
    commit = site.push("three")
    site.release("three")
    site.until("it deploys", lambda: site.status()["current"]["commit"] == commit, SETTLE)
    registry.delete(f"sites/{site.name}", image.rpartition("@")[2])
    status = site.until(
        "it goes back", lambda: site.status() if site.status()["phase"] == "RollingBack" else None, HEALED
    )
    assert status["current"]["rollback"]["number"] == 1, "the release before it, whose image is there"
