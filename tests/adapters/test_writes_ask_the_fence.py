"""What changes anything in AWS or tells an endpoint asks the fence first; what only reads does not need to."""

from typing import Any

import aiohttp
import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.notify.sender import HttpSender
from brandrelease.ports import NotLeading
from brandrelease.telemetry import Metrics
from support.fences import LetsThrough
from support.misbehaving import answering, misbehaving

REGION = "us-east-2"
CHANGES = [Call.StartBuild, Call.StopBuild, Call.CreateInvalidation]
PARAMETERS: dict[Call, dict[str, Any]] = {
    Call.StartBuild: {"projectName": "drumeo"},
    Call.StopBuild: {"id": "drumeo:1"},
    Call.CreateInvalidation: {
        "DistributionId": "E1",
        "InvalidationBatch": {"CallerReference": "1", "Paths": {"Quantity": 1, "Items": ["/*"]}},
    },
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-9f2c")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def test_the_calls_that_change_something_are_known_as_such() -> None:
    reading = ("Describe", "List", "Get", "BatchGet")
    assert [call for call in Call if call.changes] == CHANGES
    assert [call for call in Call if not call.operation.startswith(reading)] == CHANGES


@pytest.mark.parametrize("call", CHANGES)
async def test_a_replica_that_does_not_lead_changes_nothing_in_aws(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    async with misbehaving(answering("400 Bad Request", b"{}")) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        api = AwsApi(Metrics(), LetsThrough(0))
        with pytest.raises(NotLeading):
            await api.call(call, REGION, **PARAMETERS[call])
        assert aws.asked == []
        with pytest.raises(AwsError):
            await api.call(Call.BatchGetBuilds, REGION, ids=["drumeo:1"])
        assert len(aws.asked) == 1
        api.close()


@pytest.mark.parametrize("call", CHANGES)
async def test_each_try_of_a_change_asks_again(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore repeats a call that was answered with 500; the Lease may be lost meanwhile."""
    fence = LetsThrough(3)  # one question before the call, one before each of its tries
    async with misbehaving(answering("500 Internal Server Error", b"{}")) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        api = AwsApi(Metrics(), fence)
        with pytest.raises(NotLeading):
            await api.call(call, REGION, **PARAMETERS[call])
        assert len(aws.asked) == 2
        assert fence.held == 0
        api.close()


async def test_a_replica_that_does_not_lead_tells_nobody() -> None:
    async with misbehaving(answering("200 OK", b"{}")) as endpoint, aiohttp.ClientSession() as session:
        sender = HttpSender(session, LetsThrough(1), allow_insecure=True)
        assert (await sender.send("POST", endpoint.url, {}, b"one")).is_ok
        with pytest.raises(NotLeading):
            await sender.send("POST", endpoint.url, {}, b"two")
        assert len(endpoint.asked) == 1
