"""What the API server's answer to a dry run of the build Job says of the builder `buildKit`."""

from typing import Any, cast

import pytest

from brandrelease.adapters.builders.buildkit_job import JobProfile
from brandrelease.adapters.builders.usable import BuildKitUsable
from brandrelease.adapters.kube.api import ApiError, KubeApi, Resource
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.settings import SecurityProfile

BRAND = Brand.model_validate(
    {
        "name": "drumeo",
        "uid": "uid",
        "spec": {
            "source": {"url": "https://git.example.com/drumeo.git", "secretName": "git"},
            "image": {"repository": "registry.example.com/drumeo"},
            "build": {"buildKit": {"args": {"A": "1"}}},
            "environments": [{"name": "production"}],
        },
    }
)


class ApiServer:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, error: ApiError | None) -> None:
        self.error = error
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def would_create(self, resource: Resource, namespace: str, body: dict[str, Any]) -> None:
        self.asked.append((resource.path(namespace), body))
        if self.error is not None:
            raise self.error


def usable(server: ApiServer) -> BuildKitUsable:
    profile = JobProfile("builds", "moby/buildkit", SecurityProfile.UserNamespace, frozenset())
    return BuildKitUsable(cast("KubeApi", server), profile)


async def test_it_is_asked_about_the_brands_own_job() -> None:
    server = ApiServer(None)
    assert await usable(server).trouble(BRAND) is None
    [(path, job)] = server.asked
    assert path == "/apis/batch/v1/namespaces/builds/jobs"
    assert job["metadata"]["labels"]["brandrelease.dev/name"] == "drumeo"
    assert {volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]} >= {"git"}


NO_NAMESPACE = 'namespaces "builds" not found'
FORBIDDEN = 'jobs.batch is forbidden: User "operator" cannot create resource "jobs"'
ANSWERS: dict[str, tuple[int, str, Reason | None]] = {
    "the namespace is missing": (404, NO_NAMESPACE, Reason.BuildNotStarted),
    "a right is missing": (403, FORBIDDEN, Reason.BuildNotStarted),
    "a policy refuses": (400, 'admission webhook "p" denied the request: no.', Reason.BuildNotStarted),
    "a quota is full for now": (403, 'jobs.batch "br" is forbidden: exceeded quota: q', None),
    "a webhook takes no dry run": (400, 'admission webhook "w" does not support dry run', None),
    "there is a Job of the name": (409, 'jobs.batch "br" already exists', None),
    "it is busy": (429, "Too many requests", Reason.BuilderUnreachable),
    "it does not answer": (0, "The Kubernetes API did not answer: TimeoutError", Reason.BuilderUnreachable),
}


@pytest.mark.parametrize(("status", "words", "reason"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_told_if_a_build_would_meet_it_too(status: int, words: str, reason: Reason | None) -> None:
    found = await usable(ApiServer(ApiError(status, words))).trouble(BRAND)
    assert (found and found.reason) == reason
    if found is not None:
        assert words.rstrip(".") in found.message
        assert found.message.endswith((".", "names."))
