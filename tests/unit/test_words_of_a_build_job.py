"""What is said of a build Job while it is under way."""

from typing import Any

import pytest

from brandrelease.adapters.builders.buildkit import _last_words, _progress
from support.orders import ORDER

Json = dict[str, Any]

WAITS: Json = {"waiting": {"reason": "PodInitializing"}}
RUNS: Json = {"running": {}}
WELL: Json = {"terminated": {"exitCode": 0}}
BADLY: Json = {"terminated": {"exitCode": 1}}


def pod(fetch: Json, build: Json) -> Json:
    return {
        "status": {
            "initContainerStatuses": [{"name": "fetch", "state": fetch}],
            "containerStatuses": [{"name": "build", "state": build}],
        }
    }


@pytest.mark.parametrize(
    ("body", "does"),
    [
        (None, "waits for its pod"),
        ({}, "starts"),
        (pod(WAITS, WAITS), "starts"),
        (pod(RUNS, WAITS), "takes the source"),
        (pod(WELL, WAITS), "has the source and is about to build the image"),
        (pod(WELL, RUNS), "builds the image"),
        (pod(WELL, WELL), "has ended, and is about to say how"),
        (pod(WELL, BADLY), "has ended, and is about to say how"),
        (pod(BADLY, WAITS), "has ended, and is about to say how"),
    ],
)
def test_each_moment_of_a_build_job_has_its_words(body: Json | None, does: str) -> None:
    assert _progress(ORDER, body) == f"Build Job {ORDER.name} of commit {ORDER.commit[:12]} {does}."


PUSH = "error: failed to solve: failed to push registry.example.com/drumeo: errors:"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("#1 compiling\nthe last line.\n\n", "the last line"),
        ("fatal: no such commit\nhint: look", "fatal: no such commit"),
        ("error: one\n#2 more\nerror: failed to solve: exit code: 2\n", "error: failed to solve: exit code: 2"),
        (f"{PUSH}\ndenied: no\nunauthorized: \n  who are you\n", f"{PUSH} denied: no; unauthorized:; who are you"),
        (PUSH, PUSH),
    ],
)
def test_the_last_words_of_a_build_say_why_it_failed(log: str, words: str) -> None:
    assert _last_words(log) == words
