"""Invalidations by the operator's own adapter, at the local CloudFront."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.cloudfront import CloudFront
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import InvalidationOrder
from brandrelease.core.snapshot import InvalidationAbsent, InvalidationState, InvalidationTaken
from brandrelease.ports import Refused
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Cut, Fault

DIGEST = "sha256:" + "0123456789abcdef" * 4
ORDER = InvalidationOrder("uid-1", 7, f"registry.example.com/drumeo@{DIGEST}", "E1", ("/*",))

Use = Callable[[CloudFront], Coroutine[None, None, InvalidationState]]


@pytest.fixture
def cloudfront(aws: CodeBuildServer, monkeypatch: pytest.MonkeyPatch) -> CodeBuildServer:
    """An AWS with the distribution E1, where boto3 finds it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-9f2c")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    aws.create_distribution("E1")
    return aws


def in_a_new_process(use: Use) -> InvalidationState:
    """What a process answers that remembers nothing."""
    api = AwsApi(Metrics())
    try:
        return asyncio.run(use(CloudFront(api)))
    finally:
        api.close()


def asking(*orders: InvalidationOrder) -> Use:
    """Ask for each, then how the last one stands."""

    async def use(caches: CloudFront) -> InvalidationState:
        for order in orders:
            await caches.invalidate(order)
        return await caches.state(orders[-1])

    return use


def refused(aws: CodeBuildServer, order: InvalidationOrder = ORDER) -> str:
    with pytest.raises(Refused) as caught:
        in_a_new_process(asking(order))
    assert caught.value.refusal.reason is Reason.InvalidationFailed
    assert aws.invalidations() == []
    return caught.value.refusal.message


def test_it_is_asked_for_with_its_paths_and_its_reference(cloudfront: CodeBuildServer) -> None:
    order = replace(ORDER, paths=("/index.html", "/a%20b&c/*"))
    state = in_a_new_process(asking(order))
    [made] = cloudfront.invalidations()
    assert (made.distribution, made.reference, made.paths) == ("E1", "uid-1-7-0123456789ab", order.paths)
    assert state == InvalidationTaken(made.id)


def test_asked_for_again_also_by_another_process_it_is_the_same(cloudfront: CodeBuildServer) -> None:
    states = {in_a_new_process(asking(ORDER)), in_a_new_process(asking(ORDER, ORDER))}
    [made] = cloudfront.invalidations()
    assert states == {InvalidationTaken(made.id)}
    assert len(cloudfront.journal.calls("CreateInvalidation")) == 3


def test_how_it_stands_is_answered_from_memory_alone(cloudfront: CodeBuildServer) -> None:
    async def use(caches: CloudFront) -> InvalidationState:
        return await caches.state(ORDER)

    assert in_a_new_process(use) == InvalidationAbsent()
    assert cloudfront.journal.calls("CreateInvalidation") == []


@pytest.mark.parametrize("other", [replace(ORDER, number=8), replace(ORDER, distribution="E2")])
def test_of_another_release_or_distribution_nothing_is_known(
    cloudfront: CodeBuildServer, other: InvalidationOrder
) -> None:
    async def use(caches: CloudFront) -> InvalidationState:
        await caches.invalidate(ORDER)
        return await caches.state(other)

    assert in_a_new_process(use) == InvalidationAbsent()


def test_two_releases_do_not_push_each_other_out_of_memory(cloudfront: CodeBuildServer) -> None:
    async def use(caches: CloudFront) -> InvalidationState:
        await caches.invalidate(ORDER)
        await caches.invalidate(replace(ORDER, owner_uid="uid-2"))
        return await caches.state(ORDER)

    state = in_a_new_process(use)
    first, second = cloudfront.invalidations()
    assert (state, second.reference) == (InvalidationTaken(first.id), "uid-2-7-0123456789ab")


def test_the_same_reference_with_other_paths_counts_as_taken(cloudfront: CodeBuildServer) -> None:
    in_a_new_process(asking(ORDER))
    assert in_a_new_process(asking(replace(ORDER, paths=("/other",)))) == InvalidationTaken(None)
    assert len(cloudfront.invalidations()) == 1


def test_what_cloudfront_does_not_know_or_allow_is_told_as_a_sentence(cloudfront: CodeBuildServer) -> None:
    told = refused(cloudfront, replace(ORDER, distribution="E404"))
    assert told.startswith("AWS refuses cloudfront:CreateInvalidation in us-east-1 (NoSuchDistribution): The specified")
    cloudfront.script(Fault("CreateInvalidation", "AccessDenied"))
    told = refused(cloudfront)
    assert told.startswith("AWS does not allow the operator cloudfront:CreateInvalidation in us-east-1: Access Denied.")


def test_too_many_at_a_time_is_told_as_what_passes(cloudfront: CodeBuildServer) -> None:
    cloudfront.script(Fault("CreateInvalidation", "TooManyInvalidationsInProgress"))
    assert refused(cloudfront).startswith("AWS takes no more for now (TooManyInvalidationsInProgress): ")
    assert isinstance(in_a_new_process(asking(ORDER)), InvalidationTaken)


def test_an_answer_that_was_lost_leads_to_no_second_invalidation(cloudfront: CodeBuildServer) -> None:
    cloudfront.script(Fault("CreateInvalidation", cut=Cut.After))
    assert isinstance(in_a_new_process(asking(ORDER)), InvalidationTaken), "boto3 asks again by itself"
    assert len(cloudfront.journal.calls("CreateInvalidation")) == 2
    assert len(cloudfront.invalidations()) == 1


def test_nothing_secret_is_in_what_people_read(cloudfront: CodeBuildServer) -> None:
    cloudfront.script(Fault("CreateInvalidation", "AccessDenied", "User AKIACANARY may not: https://u:canary@host/"))
    assert "canary@" not in refused(cloudfront)
