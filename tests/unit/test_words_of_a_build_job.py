"""What is said of a build Job while it is under way."""

from typing import Any

import pytest

from brandrelease.adapters.builders.buildkit import _progress
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
