"""Objects of the API server with any content that it would store: they are read, and judged in bounded plain words."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from brandrelease.adapters.builders.buildkit import _digest, _failed_step, _last_words, _progress
from brandrelease.adapters.builders.codebuild_answers import log_of, name_in, view_of
from brandrelease.adapters.kube.builds_in_flight import _build
from brandrelease.adapters.kube.fellows import fellows, platform_failures
from brandrelease.adapters.kube.hook_states import hook_state
from brandrelease.adapters.kube.logs import secret_names
from brandrelease.adapters.kube.pod_events import pod_warnings
from brandrelease.adapters.kube.reading_brands import read_brand
from brandrelease.adapters.kube.views import deployment_view, pod_view
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import PRE_DEPLOY, HookOrder
from brandrelease.core.builds.codebuild import state_of
from brandrelease.core.builds.images import split_reference
from brandrelease.core.builds.seen import BuildFailed, BuildRunning
from brandrelease.core.health import Failed, Progressing, judge_rollout
from brandrelease.core.health.quoting import quoted
from brandrelease.core.hook_job import hook_job
from brandrelease.core.scrubbing.scrub import SIZE, last_lines, scrub
from brandrelease.core.scrubbing.secret_patterns import without_lookalikes
from support.hostile import fuzz, json_values, must_be_one_line, must_be_plain, octets, sendable, texts
from support.pods import RULES, START
from support.simulation import Simulation, commit_id
from support.simulation import order_of as order_of_commit

WORD = sendable(4)
COUNT = st.sampled_from([0, 1, 2, 2**31 - 1, -(2**31)])
TIME = st.sampled_from(
    ["0001-01-01T00:00:00Z", "2026-01-01T12:00:05Z", "9999-12-31T23:59:59Z", "2026-01-01T12:00:05.123456Z"]
)
ODD_TIME = TIME | st.sampled_from(
    ["2026-01-01T23:59:60Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.123456789Z", "x", ""]
)
NAME = st.sampled_from(["app", "proxy", "c" * 63])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


ENDED = some(exitCode=COUNT, signal=COUNT, reason=WORD, message=WORD, finishedAt=TIME)
REASON = WORD | st.sampled_from(
    [
        "CrashLoopBackOff",
        "ErrImagePull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "OOMKilled",
    ]
)
STATE = some(waiting=some(reason=REASON, message=WORD), running=some(startedAt=TIME), terminated=ENDED)
CONTAINER = st.fixed_dictionaries(
    {"name": NAME}, optional={"ready": st.booleans(), "restartCount": COUNT, "state": STATE, "lastState": STATE}
)
CONDITION = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Ready", "PodScheduled", "PodReadyToStartContainers", "ReplicaFailure", "Complete", "Failed"]) | WORD,
        "status": st.sampled_from(["True", "False", "Unknown"]) | WORD,
    },
    optional={"reason": st.sampled_from(["Unschedulable", "DeadlineExceeded"]) | WORD, "message": WORD, "lastTransitionTime": TIME},
)  # fmt: skip
POD = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": st.just("drumeo-1"), "creationTimestamp": TIME},
            optional={"labels": st.just({"brandrelease.dev/release": "1"}), "deletionTimestamp": TIME},
        ),
        "spec": st.just({"containers": [{"name": "app"}]}),
    },
    optional={
        "status": some(
            phase=WORD,
            reason=WORD,
            startTime=TIME,
            podIP=WORD,
            conditions=st.lists(CONDITION, max_size=3),
            initContainerStatuses=st.lists(CONTAINER, max_size=2),
            containerStatuses=st.lists(CONTAINER, max_size=2),
        )
    },
)
EVENT = st.fixed_dictionaries(
    {"involvedObject": some(name=st.just("drumeo-1"), kind=WORD)},
    optional={"reason": REASON, "message": WORD, "count": COUNT, "lastTimestamp": TIME, "eventTime": TIME,
              "series": some(count=COUNT, lastObservedTime=TIME)},
)  # fmt: skip
DEPLOYMENT = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"uid": st.just("u"), "name": st.just("web"), "generation": st.just(2), "resourceVersion": st.just("7")},
            optional={
                "labels": st.fixed_dictionaries({}, optional={"brandrelease.dev/release": st.sampled_from(["1", "9" * 63, "-1", "x", ""])}),
                "annotations": st.dictionaries(st.just("brandrelease.dev/foundImage"), WORD),
                "managedFields": st.lists(
                    st.fixed_dictionaries({"manager": WORD, "operation": st.just("Apply")}, optional={"time": TIME, "fieldsV1": json_values()}),
                    max_size=2,
                ),
            },
        ),
        "spec": st.fixed_dictionaries(
            {"template": st.fixed_dictionaries({"spec": st.fixed_dictionaries({"containers": st.lists(st.fixed_dictionaries({"name": NAME}, optional={"image": WORD}), min_size=1, max_size=2)})})},
            optional={"replicas": COUNT, "paused": st.booleans()},
        ),
    },
    optional={"status": some(observedGeneration=COUNT, replicas=COUNT, updatedReplicas=COUNT, availableReplicas=COUNT, conditions=st.lists(CONDITION, max_size=2))},
)  # fmt: skip


@fuzz(40)
@given(DEPLOYMENT, st.lists(POD, max_size=3), st.lists(EVENT, max_size=4), st.integers(0, 10**6))
def test_a_rollout_of_anything_is_judged_in_plain_words(
    deployment: dict[str, Any], pods: list[dict[str, Any]], events: list[dict[str, Any]], seconds: int
) -> None:
    view = deployment_view(deployment)
    assert view.applied_release is None or 0 <= view.applied_release < 10**9
    seen = tuple(map(pod_view, pods))
    warnings = pod_warnings(events, ["drumeo-1"])
    verdict = judge_rollout(view, seen, warnings, RULES, START, START + timedelta(seconds=seconds))
    match verdict:
        case Failed(problem):
            must_be_one_line(problem.message)
            assert len(problem.message) < 4096
        case Progressing(message, _):
            must_be_one_line(message)
            assert len(message) < 8192


ORDER = HookOrder("n", "drumeo", "uid-of-owner", 3, "c" * 40, PRE_DEPLOY, "web", "app", "i@sha256:1", ("true",), 600)
JOB = st.fixed_dictionaries(
    {"metadata": st.just({"uid": "u"})}, optional={"status": some(conditions=st.lists(CONDITION, max_size=3))}
)


@fuzz()
@given(JOB, st.none() | POD, st.lists(WORD, max_size=3))
def test_a_hook_of_any_state_is_told_in_one_line(
    job: dict[str, Any], pod: dict[str, Any] | None, words: list[str]
) -> None:
    state = hook_state(ORDER, job, pod_view(pod) if pod else None, words, "")
    must_be_one_line(getattr(state, "message", ""))
    assert len(getattr(state, "message", "")) < 2048


@fuzz()
@given(st.none() | POD, WORD)
def test_a_build_of_any_state_is_told_in_one_line(pod: dict[str, Any] | None, log: str) -> None:
    world = Simulation()
    order = order_of_commit(world, commit_id("one"))
    must_be_one_line(_progress(order, pod))
    must_be_one_line(_last_words(last_lines(scrub(log, ()))))
    _failed_step(pod)
    digest = _digest(pod)
    assert digest is None or len(digest) == len("sha256:") + 64


PHASE = some(phaseType=WORD, phaseStatus=WORD, contexts=st.lists(some(message=WORD, statusCode=WORD), max_size=2))
PAIRS = st.lists(
    some(
        name=st.sampled_from(["IMAGE_DIGEST", "BR_KEY", "BR_ATTEMPT", "BRAND"]) | WORD,
        value=WORD | st.sampled_from(["1", "²", "9" * 5000]),
    ),
    max_size=4,
)
CODE_BUILD = st.fixed_dictionaries(
    {"id": WORD},
    optional={
        "buildStatus": st.sampled_from(["FAILED", "FAULT", "STOPPED", "TIMED_OUT", "IN_PROGRESS", "SUCCEEDED"]) | WORD,
        "buildComplete": st.booleans(), "phases": st.lists(PHASE, max_size=3), "currentPhase": WORD,
        "startTime": st.just(datetime(2026, 1, 1, tzinfo=UTC)), "endTime": st.just(datetime(2026, 1, 1, tzinfo=UTC)),
        "logs": some(deepLink=WORD, groupName=WORD, streamName=WORD), "exportedEnvironmentVariables": PAIRS,
        "environment": some(environmentVariables=PAIRS), "resolvedSourceVersion": WORD,
    },
)  # fmt: skip


@fuzz()
@given(CODE_BUILD)
def test_what_codebuild_says_is_told_in_one_line(build: dict[str, Any]) -> None:
    order = order_of_commit(Simulation(), commit_id("one"))
    name_in(build)
    log_of(build)
    state = state_of(view_of(build), order)
    must_be_one_line((view_of(build).logs_url or "") + view_of(build).id)
    if isinstance(state, BuildFailed | BuildRunning):
        must_be_one_line(state.message)
        assert len(state.message) < 16_384


RELEASE_STATUS = some(
    current=some(
        reason=st.sampled_from(["RegistryUnavailable", "ErrImagePull"]), blame=st.just("Platform"), number=COUNT, finishedAt=ODD_TIME,
        outcome=st.sampled_from(["Failed", "RolledBack"]), rollback=some(startedAt=ODD_TIME), commit=WORD,
        build=st.fixed_dictionaries({"key": WORD, "attempt": COUNT}, optional={"builder": WORD}),
    ),
    history=st.lists(json_values(), max_size=2),
)  # fmt: skip


@fuzz()
@given(st.lists(RELEASE_STATUS, max_size=4))
def test_what_others_have_in_their_statuses_keeps_no_release_from_being_judged(statuses: list[dict[str, Any]]) -> None:
    """Whoever may write the status of his own BrandRelease writes what all others look through."""
    spec = {"brand": "b", "environment": "e"}
    for status in statuses:  # what the API server asks for in each
        status.get("current", {}).setdefault("number", 1)
    bodies = [
        {"metadata": {"uid": str(index), "name": "n", "namespace": "x"}, "spec": spec, "status": status}
        for index, status in enumerate(statuses)
    ]
    found = fellows(platform_failures(bodies), Reason.RegistryUnavailable, START, but="9")
    assert len(found) <= 5
    for body in bodies:
        _build(body)


@fuzz()
@given(json_values(), json_values())
def test_stored_objects_of_other_shapes_are_read_or_refused_by_name(spec: Any, status: Any) -> None:
    metadata = {
        "name": "n", "namespace": "x", "uid": "u", "generation": 1, "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"
    }  # fmt: skip
    body = {"metadata": metadata, "spec": spec, "status": status}
    with suppress(ValidationError):
        BrandRelease.from_object(body)
    brand = read_brand(body)
    if not isinstance(brand, Brand):
        assert len(brand.message) < 2048


@fuzz(40)
@given(texts(20), st.lists(texts(2), max_size=3))
def test_logs_of_any_content_are_cut_scrubbed_and_plain(log: str, secrets: list[str]) -> None:
    kept = last_lines(scrub(log, secrets))
    assert len(kept.encode()) <= SIZE
    must_be_plain(kept)
    must_be_one_line(quoted(log))
    assert len(quoted(log).encode()) <= 300
    without_lookalikes(log)


@fuzz()
@given(sendable(4), st.lists(WORD, max_size=3))
def test_a_hook_job_passes_words_on_as_they_are(image: str, command: list[str]) -> None:
    template = {
        "containers": [{"name": "app", "image": image, "command": ["server"]}],
        "initContainers": [{"name": "i"}],
    }
    order = HookOrder("n", "drumeo", "uid-of-owner", 3, "c" * 40, PRE_DEPLOY, "web", "app", image, tuple(command), 600)
    job = hook_job(order, {"spec": {"template": {"spec": template}}})
    assert job is not None
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert [word.replace("$$", "$") for word in container["command"]] == list(command)
    assert "$(" not in "".join(container["command"]).replace("$$", "")
    assert secret_names(job["spec"]["template"]["spec"]) == ()
    split_reference(image)
    json.dumps(job)


@fuzz()
@given(octets())
def test_a_digest_is_a_digest_or_nothing(said: bytes) -> None:
    ended = {"terminated": {"exitCode": 0, "message": said.decode(errors="replace")}}
    digest = _digest({"status": {"containerStatuses": [{"name": "build", "state": ended}]}})
    assert digest is None or digest.removeprefix("sha256:").isalnum()
