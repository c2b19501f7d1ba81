"""Whatever others say, a probe, a hook, an Event or the API server, comes into messages without what looks like a secret."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from brandrelease.adapters.builders.buildkit import _progress
from brandrelease.adapters.kube.api import ApiError
from brandrelease.core.health.quoting import QUOTE_LIMIT, READ_LIMIT, quoted
from brandrelease.core.snapshot import PodView, PodWarning, Waiting
from support.simulation import Behaviour, commit_id
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

SECRETS = ("abcDEF1234567890xyz", "hunter2secret", "s3cr3t-pw")
WORDS = (
    f"curl failed: Authorization: Bearer {SECRETS[0]} refused; password={SECRETS[1]} mysql://app:{SECRETS[2]}@db/shop"
)


def told_by(world: Story) -> str:
    """Everything that anybody can read."""
    return world.status.model_dump_json() + "".join(event.message for event in world.told)


def test_what_is_quoted_has_no_secrets_and_is_still_understood() -> None:
    words = quoted(WORDS)
    assert not any(secret in words for secret in SECRETS)
    assert words.startswith("curl failed: Authorization: Bearer *** refused; password=***")
    assert words.endswith("mysql://db/shop")


def test_of_very_long_words_no_more_is_looked_at_than_the_kubelet_ever_says() -> None:
    assert len(quoted("x" * 10 * READ_LIMIT).encode()) == QUOTE_LIMIT
    assert quoted("x" * READ_LIMIT + " and what nobody says").endswith("x")
    assert SECRETS[1][:4] not in quoted("y" * 200 + f" password={SECRETS[1]} " + "z" * READ_LIMIT)


class Prints(Story):
    """The readiness probe prints its whole environment."""

    says = "Readiness probe failed: "

    async def warnings(self, namespace: str, pods: Sequence[str]) -> Mapping[str, tuple[PodWarning, ...]]:
        return {name: (PodWarning("Unhealthy", f"{self.says}{WORDS}", 1, self.time),) for name in pods}


def test_what_an_exec_probe_prints_stands_nowhere_with_its_secrets() -> None:
    world = Prints()
    world.release("one")
    world.release("two", Behaviour.NeverReady)
    assert "Readiness probe failed: curl failed" in world.last.message
    assert not any(secret in told_by(world) for secret in SECRETS)


class Holds(Story):
    """The new pods wait, and the kubelet says why: a postStart hook has failed and printed something."""

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        pods = await super().pods(namespace, release_name, release_number)
        if release_number == 1:
            return pods
        state = Waiting("PostStartHookError", f"command exited with 1: {WORDS}")
        return tuple(
            replace(p, containers=tuple(replace(c, ready=False, state=state) for c in p.containers)) for p in pods
        )


def test_what_a_post_start_hook_prints_stands_nowhere_with_its_secrets() -> None:
    world = Holds()
    world.release("one")
    world.release("two", Behaviour.NeverReady)
    assert "curl failed" in world.last.message
    assert not any(secret in told_by(world) for secret in SECRETS)


def test_a_build_that_waits_says_why_without_secrets() -> None:
    order = Story().order(commit_id("one"))
    held = {
        "status": {
            "containerStatuses": [
                {"name": "build", "state": {"waiting": {"reason": "CreateContainerError", "message": WORDS}}}
            ]
        }
    }
    nowhere = {
        "status": {
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": WORDS}]
        }
    }
    for told in (_progress(order, held), _progress(order, nowhere)):
        assert "curl failed" in told
        assert told.endswith("db/shop.")
        assert not any(secret in told for secret in SECRETS)


def test_what_the_api_server_says_has_no_secrets() -> None:
    error = ApiError(403, f"admission webhook denied the request: {WORDS}")
    assert "denied the request: curl failed" in error.message
    assert not any(secret in error.message + str(error) for secret in SECRETS)
