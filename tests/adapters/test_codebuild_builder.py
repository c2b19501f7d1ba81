"""The builder `codeBuild` against a CodeBuild that fails in every way, by what it calls and by what it says."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.builders import codebuild_watch
from brandrelease.adapters.builders.codebuild import CodeBuild
from brandrelease.adapters.builders.codebuild_watch import CodeBuildWatch
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import (
    BuildAbsent,
    BuildFailed,
    BuildRunning,
    BuildState,
    BuildSucceeded,
    BuildUnknown,
    BuildUnseen,
)
from brandrelease.ports import Refused
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Cut, Fault, Image, Script
from support.registry import RegistryServer

pytestmark = pytest.mark.usefixtures("login")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def order_of(aws: CodeBuildServer, commit: str = COMMIT, project: str = "drumeo", brand: str = "drumeo") -> BuildOrder:
    """The order for a commit of a brand that builds in this project."""
    repository = aws._account.projects["drumeo"].repository
    spec = {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": repository},
        "build": {"timeoutSeconds": 601, "codeBuild": {"project": project, "region": "us-east-2"}},
        "environments": [{"name": "production"}],
    }
    return build_order(Brand.model_validate({"name": brand, "uid": "uid", "spec": spec}), commit, 1)


@dataclass
class Process:
    """A process of the operator, as far as builds go. woken: the builds about which it had news, in order."""

    builder: CodeBuild
    watch: CodeBuildWatch
    woken: list[str]
    api: AwsApi
    task: asyncio.Task[None]

    def end(self) -> None:
        self.task.cancel()
        self.api.close()


Start = Callable[..., Process]


@pytest.fixture
async def process() -> AsyncIterator[Start]:
    begun: list[Process] = []

    def start(poll_seconds: float = 0.1) -> Process:
        for earlier in begun:
            earlier.end()
        api, woken = AwsApi(Metrics()), list[str]()
        watch = CodeBuildWatch(api, woken.append, poll_seconds)
        builder = CodeBuild(api, watch, SystemClock())
        begun.append(Process(builder, watch, woken, api, asyncio.create_task(watch.run())))
        return begun[-1]

    yield start
    for each in begun:
        each.end()
    await asyncio.gather(*(each.task for each in begun), return_exceptions=True)


async def until(builder: CodeBuild, order: BuildOrder, fact: Callable[[BuildState], bool]) -> BuildState:
    async with asyncio.timeout(60):
        while not fact(state := await builder.state(order)):
            await asyncio.sleep(0.02)
        return state


async def ended(builder: CodeBuild, order: BuildOrder) -> BuildState:
    return await until(builder, order, lambda state: not isinstance(state, BuildRunning | BuildUnseen))


async def refusal(builder: CodeBuild, order: BuildOrder) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        await builder.start(order)
    return refused.value.refusal.reason, refused.value.refusal.message


def calls(aws: CodeBuildServer, operation: str) -> int:
    return len(aws.journal.calls(operation))


# --- what is called -----------------------------------------------------------------------------------------------------


async def test_a_build_is_started_at_the_full_commit_and_told_nothing_that_changes_what_runs(
    aws: CodeBuildServer, process: Start
) -> None:
    order = order_of(aws)
    await process().builder.start(order)
    [call] = aws.journal.calls("StartBuild")
    parameters = dict(call.parameters)
    overrides = parameters.pop("environmentVariablesOverride")
    assert {each["type"] for each in overrides} == {"PLAINTEXT"}, "else CodeBuild would look secrets up by these values"
    told = {each["name"]: each["value"] for each in overrides}
    assert told == {
        "BR_KEY": order.key,
        "BR_ATTEMPT": "1",
        "BRAND": "drumeo",
        "GIT_COMMIT": COMMIT,
        "IMAGE_REPO": order.repository,
        "IMAGE_TAG": order.tag,
    }
    token = parameters.pop("idempotencyToken")
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    assert parameters == {
        "projectName": "drumeo",
        "sourceVersion": COMMIT,
        "timeoutInMinutesOverride": 11,
        "queuedTimeoutInMinutesOverride": 15,
        "autoRetryLimitOverride": 0,
    }


async def test_another_attempt_is_another_build_with_another_token(aws: CodeBuildServer, process: Start) -> None:
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    await builder.start(replace(order, attempt=2))
    tokens = {call.parameters["idempotencyToken"] for call in aws.journal.calls("StartBuild")}
    assert (len(tokens), len(aws.builds("drumeo"))) == (2, 2)


async def test_a_start_that_was_not_noted_is_found_by_the_key_after_the_token_has_expired(
    aws: CodeBuildServer, process: Start
) -> None:
    aws.script(Script(seconds=60), project="drumeo")
    order = order_of(aws)
    await process().builder.start(order)
    aws.forget_tokens()
    later = process().builder
    assert isinstance(await later.state(order), BuildRunning)
    await later.start(order)
    assert (calls(aws, "StartBuild"), len(aws.builds("drumeo"))) == (1, 1)


async def test_a_start_whose_answer_was_lost_is_not_repeated_however_late_it_is_asked_for_again(
    aws: CodeBuildServer, process: Start
) -> None:
    aws.script(Script(seconds=60), project="drumeo")
    aws.script(Fault("StartBuild", cut=Cut.After, times=4))
    builder, order = process().builder, order_of(aws)
    assert (await refusal(builder, order))[0] is Reason.BuilderUnreachable
    aws.forget_tokens()
    await builder.start(order)
    assert len(aws.builds("drumeo")) == 1
    assert calls(aws, "StartBuild") == 4, "botocore's own tries, all with one token"


async def test_a_build_on_record_is_followed_by_its_id_without_a_search(aws: CodeBuildServer, process: Start) -> None:
    order = order_of(aws)
    first = process()
    await first.builder.start(order)
    known = first.watch.get(order.name)
    assert known is not None
    searched = calls(aws, "ListBuildsForProject")
    later = process()
    assert await later.builder.state(replace(order, id=known.id)) == BuildUnseen()
    assert isinstance(await ended(later.builder, replace(order, id=known.id)), BuildSucceeded)
    assert calls(aws, "ListBuildsForProject") == searched


async def test_a_new_id_that_nobody_knows_for_a_while_is_waited_for(aws: CodeBuildServer, process: Start) -> None:
    aws.script(Script(invisible_polls=5), project="drumeo")
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    assert isinstance(await ended(builder, order), BuildSucceeded)
    assert calls(aws, "StartBuild") == 1


async def test_an_id_that_stays_unknown_is_a_lost_build(
    aws: CodeBuildServer, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codebuild_watch, "UNHEARD_SECONDS", 0.3)
    builder, order = process().builder, order_of(aws)
    state = await ended(builder, replace(order, id="drumeo:00000000-0000-4000-8000-000000000000"))
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (Reason.BuildInfrastructureFailed, True)
    assert state.message.startswith("CodeBuild does not know build drumeo:00000000")


async def test_after_the_end_of_a_build_nothing_is_asked_any_more(aws: CodeBuildServer, process: Start) -> None:
    begun, order = process(poll_seconds=0.05), order_of(aws)
    await begun.builder.start(order)
    await ended(begun.builder, order)
    asked = len(aws.journal.calls("BatchGetBuilds"))
    await asyncio.sleep(0.5)
    assert len(aws.journal.calls("BatchGetBuilds")) == asked


# --- many at once -------------------------------------------------------------------------------------------------------


async def test_a_hundred_builds_make_one_call_an_interval_and_wake_their_releases_only_for_news(
    registry: RegistryServer, aws: CodeBuildServer, process: Start
) -> None:
    aws.script(Script(polls=4, times=None), project="drumeo")
    begun, orders = process(poll_seconds=0.5), [order_of(aws, f"{number:040x}") for number in range(100)]
    await asyncio.gather(*(begun.builder.start(order) for order in orders))
    assert calls(aws, "ListBuildsForProject") == 1
    asked = [call.at for call in aws.journal.calls("BatchGetBuilds")]
    await asyncio.gather(*(ended(begun.builder, order) for order in orders))
    polls = [call for call in aws.journal.calls("BatchGetBuilds") if call.at not in asked]
    between = [later.at - earlier.at for earlier, later in pairwise(polls)]
    assert all(pause >= 0.45 for pause in between), between
    assert max(Counter(begun.woken).values()) <= len(polls)
    assert len(aws.builds("drumeo")) == 100


async def test_a_throttled_account_comes_to_the_same_end_with_no_build_too_many(
    aws: CodeBuildServer, process: Start
) -> None:
    aws.script(Fault("*", "ThrottlingException", every=3, times=None))
    builder, orders = process().builder, [order_of(aws, f"{number:040x}") for number in range(20)]

    async def insist(order: BuildOrder) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    await builder.start(order)
                except Refused:
                    await asyncio.sleep(0.1)
                else:
                    return

    await asyncio.gather(*(insist(order) for order in orders))
    states = await asyncio.gather(*(ended(builder, order) for order in orders))
    assert {type(state) for state in states} == {BuildSucceeded}
    built = Counter(build.variables["BR_KEY"] for build in aws.builds("drumeo"))
    assert set(built.values()) == {1}


async def test_builds_behind_others_of_the_operator_say_how_many_stand_before_them(
    registry: RegistryServer, process: Start, tmp_path: object, aws: CodeBuildServer
) -> None:
    aws.script(Script(queued_polls=40, times=None), project="drumeo")
    begun = process()
    first, second = order_of(aws, "a" * 40), order_of(aws, "b" * 40)
    await begun.builder.start(first)
    await asyncio.sleep(1.1)  # CodeBuild's times are told in milliseconds, and sorted by them
    await begun.builder.start(second)

    def is_behind(state: BuildState) -> bool:
        return isinstance(state, BuildRunning) and "behind 1 more of the operator's builds" in state.message

    state = await until(begun.builder, second, is_behind)
    assert isinstance(state, BuildRunning)
    assert re.search(r"is queued since \d\d:\d\d:\d\d UTC, behind 1 more of the operator's builds\.$", state.message)


# --- how builds end -----------------------------------------------------------------------------------------------------

ENDS: dict[str, tuple[Script, Reason, bool, str]] = {
    "a fault": (Script(status="FAULT", phase="PROVISIONING"), Reason.BuildInfrastructureFailed, True, "by a fault of CodeBuild"),
    "no machine in time": (Script(status="TIMED_OUT", phase="QUEUED"), Reason.BuildInfrastructureFailed, True, "waited too long in phase QUEUED"),
    "the source is not there": (Script(status="FAILED", phase="DOWNLOAD_SOURCE", message="no such commit"), Reason.BuildInfrastructureFailed, True, "in phase DOWNLOAD_SOURCE: no such commit"),
    "a step fails": (Script(status="FAILED", message="exit status 127"), Reason.BuildFailed, False, "in phase BUILD: exit status 127"),
    "a step takes too long": (Script(status="TIMED_OUT"), Reason.BuildTimedOut, False, "took longer than 10 min 1 s"),
    "somebody stops it": (Script(status="STOPPED"), Reason.BuildStopped, False, "was stopped by somebody in AWS"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "reason", "retriable", "words"), ENDS.values(), ids=ENDS)
async def test_each_end_of_a_build_has_its_reason(
    aws: CodeBuildServer, process: Start, script: Script, reason: Reason, words: str, *, retriable: bool
) -> None:
    aws.script(script, project="drumeo")
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    state = await ended(builder, order)
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (reason, retriable)
    assert words in state.message
    assert state.trace is not None
    assert state.message.startswith(f"Build {state.trace.id} in CodeBuild project drumeo ")


async def test_the_end_of_the_log_is_kept_without_what_looks_like_a_secret(
    aws: CodeBuildServer, process: Start
) -> None:
    lines = (
        *(f"step {number}" for number in range(100)),
        "curl -H 'Authorization: Bearer canary0123456789abcdef'",
        "no",
    )
    aws.script(Script(status="FAILED", log=lines, empty_log_pages=2), project="drumeo")
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    state = await ended(builder, order)
    assert isinstance(state, BuildFailed)
    assert "canary" not in state.log_tail
    assert "Authorization: " in state.log_tail
    assert len(state.log_tail.splitlines()) <= 20


async def test_a_build_that_has_failed_before_its_start_is_answered_has_its_log_all_the_same(
    aws: CodeBuildServer, process: Start
) -> None:
    """So it is where a start is repeated within five minutes: the token's build may have ended by then."""
    aws.script(Script(status="FAILED", log=("it was the page",)), project="drumeo")
    order = order_of(aws)
    await process().builder.start(order)
    async with asyncio.timeout(30):
        while aws.builds("drumeo")[0].status == "IN_PROGRESS":
            await asyncio.sleep(0.02)
    later = process()
    later.builder._searched.add(("us-east-2", "drumeo"))  # as if the list had not shown it yet
    await later.builder.start(order)
    state = await ended(later.builder, order)
    assert isinstance(state, BuildFailed)
    assert "it was the page" in state.log_tail
    assert len(aws.builds("drumeo")) == 1


async def test_a_tag_that_is_there_already_and_cannot_be_changed_is_as_good_as_built(
    aws: CodeBuildServer, process: Start
) -> None:
    order = order_of(aws)
    aws.create_repository(order.repository, immutable=True)
    builder = process().builder
    await builder.start(order)
    first = await ended(builder, order)
    again = replace(order, attempt=2)
    await builder.start(again)
    second = await ended(builder, again)
    assert isinstance(first, BuildSucceeded)
    assert isinstance(second, BuildSucceeded)
    assert second.digest is None, "only the registry knows"


@pytest.mark.parametrize("image", [Image.Missing, Image.OtherDigest, Image.NotExported])
async def test_what_a_build_says_of_its_digest_is_passed_on_for_the_core_to_compare(
    aws: CodeBuildServer, process: Start, image: Image
) -> None:
    aws.script(Script(image=image), project="drumeo")
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    state = await ended(builder, order)
    assert isinstance(state, BuildSucceeded)
    assert (state.digest is None) is (image is not Image.OtherDigest)


# --- what AWS refuses ---------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Fault, Reason, str]] = {
    "a full account": (Fault("StartBuild", "AccountLimitExceededException"), Reason.BuildQuotaExceeded, "AWS takes no more for now"),
    "no right": (Fault("StartBuild", "AccessDeniedException"), Reason.BuilderMisconfigured, "does not allow the operator codebuild:StartBuild in us-east-2"),
    "busy": (Fault("StartBuild", "ThrottlingException", times=4), Reason.BuilderUnreachable, "It is asked again."),
    "ill": (Fault("StartBuild", "InternalFailure", times=4), Reason.BuilderUnreachable, "It is asked again."),
    "no answer": (Fault("StartBuild", cut=Cut.Before, times=4), Reason.BuilderUnreachable, "AWS does not answer codebuild:StartBuild in us-east-2"),
    "old credentials": (Fault("StartBuild", "ExpiredTokenException"), Reason.BuilderUnreachable, "have expired"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "reason", "words"), REFUSED.values(), ids=REFUSED)
async def test_each_refusal_has_its_reason_and_passes_when_its_cause_does(
    aws: CodeBuildServer, process: Start, fault: Fault, reason: Reason, words: str
) -> None:
    aws.script(fault)
    builder, order = process().builder, order_of(aws)
    told = await refusal(builder, order)
    assert told[0] is reason
    assert words in told[1]
    assert told[1].endswith(".")
    await builder.start(order)
    assert isinstance(await ended(builder, order), BuildSucceeded)
    assert len(aws.builds("drumeo")) == 1


async def test_a_project_that_is_not_there_is_named(aws: CodeBuildServer, process: Start) -> None:
    builder, order = process().builder, order_of(aws, project="pianote")
    state = await builder.state(order)
    assert isinstance(state, BuildUnknown)
    assert state.reason is Reason.BuilderMisconfigured
    reason, message = await refusal(builder, order)
    assert reason is Reason.BuilderMisconfigured
    assert "pianote" in message
    assert "Correct the Brand or what it names in AWS" in message


async def test_without_credentials_it_says_what_is_missing_and_where_to_read(
    aws: CodeBuildServer, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    builder, order = process().builder, order_of(aws)
    reason, message = await refusal(builder, order)
    assert reason is Reason.BuilderMisconfigured
    assert message.startswith("The operator has no AWS credentials")
    assert "docs/aws.md" in message
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    await builder.start(order)
    assert len(aws.builds("drumeo")) == 1, "they are read anew, without a restart"


async def test_while_aws_does_not_answer_a_build_that_runs_is_not_said_to_have_failed(
    aws: CodeBuildServer, process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codebuild_watch, "SILENCE_SECONDS", 0.2)
    aws.script(Script(seconds=60), project="drumeo")
    begun, order = process(), order_of(aws)
    await begun.builder.start(order)
    aws.script(Fault("BatchGetBuilds", "AccessDeniedException", times=None))
    state = await until(begun.builder, order, lambda state: isinstance(state, BuildUnknown))
    assert isinstance(state, BuildUnknown)
    assert (state.reason, begun.woken[-1]) == (Reason.BuilderMisconfigured, order.name)
    aws.forget_faults()
    await until(begun.builder, order, lambda state: isinstance(state, BuildRunning))


# --- stopping -----------------------------------------------------------------------------------------------------------


async def test_a_build_is_stopped_once_and_by_its_id(aws: CodeBuildServer, process: Start) -> None:
    aws.script(Script(queued_polls=1000), project="drumeo")
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    await builder.cancel(order)
    await builder.cancel(order)
    [call] = aws.journal.calls("StopBuild")
    assert call.parameters == {"id": aws.builds("drumeo")[0].id}
    assert not isinstance(await builder.state(order), BuildRunning)


async def test_a_process_that_knows_nothing_stops_the_build_of_an_earlier_one(
    aws: CodeBuildServer, process: Start
) -> None:
    aws.script(Script(seconds=60), project="drumeo")
    order = order_of(aws)
    await process().builder.start(order)
    await process().builder.cancel(order)
    assert [build.status for build in aws.builds("drumeo")] == ["STOPPED"]


async def test_a_stop_that_aws_refuses_is_told(aws: CodeBuildServer, process: Start) -> None:
    aws.script(Script(seconds=60), project="drumeo")
    builder, order = process().builder, order_of(aws)
    await builder.start(order)
    aws.script(Fault("StopBuild", "AccessDeniedException"))
    with pytest.raises(Refused) as refused:
        await builder.cancel(order)
    assert "codebuild:StopBuild" in refused.value.refusal.message


async def test_what_was_never_started_is_absent(aws: CodeBuildServer, process: Start) -> None:
    assert await process().builder.state(order_of(aws)) == BuildAbsent()
