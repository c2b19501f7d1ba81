"""Checks of CloudWatch by the operator's own adapters, at the local AWS: alarms, a metric, and what goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.checks import cloudwatch_calls, shared_looks
from brandrelease.adapters.checks.cloudwatch_alarms import AlarmCheck
from brandrelease.adapters.checks.cloudwatch_metric import MetricCheck
from brandrelease.adapters.checks.shared_looks import SharedLooks
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandConditionType
from brandrelease.apis.checks import Check, CloudWatchAlarms, CloudWatchMetric
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.controller.brand_questions import Questions
from brandrelease.controller.looking import Looking
from brandrelease.core.brands.health import judge_brand
from brandrelease.core.brands.seen import BrandSnapshot, SeenBrand
from brandrelease.core.builds.seen import ImageAbsent
from brandrelease.core.checks.measured import (
    AlarmSeen,
    AlarmsSeen,
    AlarmState,
    CheckOrder,
    NumberSeen,
    Observation,
    Unmeasured,
)
from brandrelease.ports import Secret
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Cut, Fault
from support.codebuild.calls import client_at
from support.codebuild.journal import Journal
from support.registry import RegistryServer
from support.virtual_time import on_virtual_time

pytestmark = pytest.mark.usefixtures("login")

REGION, OTHER_REGION = "us-east-2", "eu-central-1"


@pytest.fixture(scope="module")
def running(registry: RegistryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeBuildServer]:
    with CodeBuildServer(tmp_path_factory.mktemp("aws"), registry=registry.host, real=False) as server:
        yield server


@pytest.fixture
def aws(running: CodeBuildServer) -> CodeBuildServer:
    """One server for all, since moto takes seconds to start, and nothing in it from the test before."""
    running.forget_faults()
    running.cloudwatch.forget()
    with urlopen(Request(f"{running.url}/moto-api/reset", method="POST"), timeout=60) as answer:
        assert answer.status == 200
    running.journal = Journal()
    return running


@pytest.fixture
async def api() -> AsyncIterator[AwsApi]:
    made = AwsApi(Metrics())
    yield made
    made.close()


@pytest.fixture
def alarms(api: AwsApi) -> AlarmCheck:
    return AlarmCheck(api)


def cloudwatch(aws: CodeBuildServer, region: str = REGION) -> Any:
    return client_at(aws.url, "cloudwatch", region)


RULE = {"EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 8.0}
LOAD = {"MetricName": "DBLoad", "Namespace": "AWS/RDS"}


def metric_alarm(aws: CodeBuildServer, name: str, region: str = REGION, **fields: Any) -> None:
    of = LOAD | {"Period": 60, "Statistic": "Average"}
    cloudwatch(aws, region).put_metric_alarm(AlarmName=name, **RULE | of | fields)


def expression_alarm(aws: CodeBuildServer, name: str, *periods: int) -> None:
    """On the sum of as many metrics."""
    stats: list[Any] = [{"Metric": LOAD, "Period": period, "Stat": "Average"} for period in periods]
    metrics = [{"Id": f"m{n}", "MetricStat": stat, "ReturnData": False} for n, stat in enumerate(stats)]
    total = {"Id": "total", "Expression": "SUM(METRICS())", "ReturnData": True}
    cloudwatch(aws).put_metric_alarm(AlarmName=name, **RULE, Metrics=[*metrics, total])


def composite_alarm(aws: CodeBuildServer, name: str) -> None:
    cloudwatch(aws).put_composite_alarm(AlarmName=name, AlarmRule='ALARM("a") OR ALARM("b")')


def set_state(aws: CodeBuildServer, name: str, state: str, why: str = "Threshold Crossed") -> None:
    cloudwatch(aws).set_alarm_state(AlarmName=name, StateValue=state, StateReason=why)


def order(*names: str, region: str = REGION) -> CheckOrder:
    return CheckOrder(Check(name="database", cloud_watch_alarms=CloudWatchAlarms(region=region, names=names)))


async def seen(alarms: AlarmCheck, *names: str) -> list[AlarmSeen]:
    found = await alarms.measure(order(*names), None)
    assert isinstance(found, AlarmsSeen), found
    return list(found.alarms)


def message(found: Observation) -> str:
    assert isinstance(found, Unmeasured), found
    assert "canary" not in found.message
    return found.message


# --- alarms -----------------------------------------------------------------------------------------------------------------


async def test_alarms_of_both_kinds_are_seen_in_the_order_of_their_names(
    aws: CodeBuildServer, alarms: AlarmCheck
) -> None:
    composite_alarm(aws, "any of the database")
    metric_alarm(aws, "load")
    metric_alarm(aws, "cpu")
    set_state(aws, "load", "ALARM", "Threshold Crossed:\n 3 datapoints were greater than 8.0")
    told = await seen(alarms, "load", "any of the database", "cpu")
    assert [(alarm.name, alarm.state) for alarm in told] == [
        ("load", AlarmState.Alarm),
        ("any of the database", AlarmState.Ok),
        ("cpu", AlarmState.Ok),
    ]
    assert told[0].why == "Threshold Crossed: 3 datapoints were greater than 8.0"
    [call] = aws.journal.calls("DescribeAlarms")
    assert call.parameters["AlarmTypes"] == ["MetricAlarm", "CompositeAlarm"]
    assert set(call.parameters["AlarmNames"]) == {"load", "any of the database", "cpu"}


@pytest.mark.parametrize("make", [metric_alarm, composite_alarm])
async def test_since_is_when_the_alarm_came_into_its_state_and_not_when_it_was_touched_last(
    aws: CodeBuildServer, alarms: AlarmCheck, make: Callable[[CodeBuildServer, str], None]
) -> None:
    make(aws, "load")
    before = SystemClock().now() - timedelta(seconds=1)
    set_state(aws, "load", "ALARM")
    came = SystemClock().now()
    await asyncio.sleep(0.05)
    set_state(aws, "load", "ALARM", "still")
    [told] = await seen(alarms, "load")
    assert told.since is not None
    assert before <= told.since <= came
    assert (told.state, told.why, told.since.tzinfo) == (AlarmState.Alarm, "still", UTC)


async def test_where_that_is_not_told_the_last_update_counts(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    metric_alarm(aws, "load")
    [told] = await seen(alarms, "load")
    assert told.since is not None
    assert timedelta() <= SystemClock().now() - told.since < timedelta(minutes=1)


async def test_too_little_data_is_no_alarm_and_not_ok_either(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    metric_alarm(aws, "load")
    set_state(aws, "load", "INSUFFICIENT_DATA")
    [told] = await seen(alarms, "load")
    assert told.state is AlarmState.InsufficientData


@pytest.mark.parametrize("evaluation", ["PARTIAL_DATA", "EVALUATION_ERROR", "EVALUATION_FAILURE"])
async def test_what_cloudwatch_could_not_evaluate_is_unclear_whatever_the_state(
    aws: CodeBuildServer, alarms: AlarmCheck, evaluation: str
) -> None:
    metric_alarm(aws, "load")
    set_state(aws, "load", "ALARM", "too many metrics")
    aws.set_evaluation_state("load", evaluation, REGION)
    [told] = await seen(alarms, "load")
    assert (told.state, told.why) == (AlarmState.Unclear, f"{evaluation}: too many metrics")


async def test_a_long_reason_is_cut_and_shows_no_login(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    composite_alarm(aws, "load")
    set_state(aws, "load", "ALARM", "see https://user:canary@host/ \x1b[31m" + "x" * 900)
    [told] = await seen(alarms, "load")
    assert len(told.why) == 300
    assert told.why.startswith("see https://host/ xxx")


async def test_how_long_what_is_watched_must_be_bad_is_told_of_alarms_that_watch_a_metric(
    aws: CodeBuildServer, alarms: AlarmCheck
) -> None:
    metric_alarm(aws, "all three")
    metric_alarm(aws, "two of three", DatapointsToAlarm=2)
    metric_alarm(aws, "five minutes", Period=300, EvaluationPeriods=1)
    expression_alarm(aws, "expression", 60, 60)
    expression_alarm(aws, "expression of unlike ones", 60, 300)
    composite_alarm(aws, "composite")
    names = ("all three", "two of three", "five minutes", "expression", "expression of unlike ones", "composite")
    seconds = [alarm.window and alarm.window.total_seconds() for alarm in await seen(alarms, *names)]
    assert seconds == [180, 120, 300, 180, None, None]


async def test_an_alarm_that_cannot_fire_within_the_soak_is_warned_of_by_the_brand(
    aws: CodeBuildServer, alarms: AlarmCheck
) -> None:
    metric_alarm(aws, "load", Period=300)
    brand = Brand.model_validate({"name": "drumeo", "uid": "uid", "spec": SPEC})
    asked = await Questions(
        Fine(), Fine(), {}, no_secret, "builds", Looking({"cloudWatchAlarms": alarms}, no_secret, "operator")
    ).ask(brand)
    status = judge_brand(BrandSnapshot(NOW, SeenBrand("drumeo", "uid", 1, "1", brand), {}, asked))
    warning = status.condition(BrandConditionType.SoakTooShort)
    assert warning is not None
    needed = 3 * 300 + 60  # the last of the looks comes later than the first, and may take its time
    assert warning.message.startswith(
        f'Environment production is watched for 600 s (soakSeconds), and its check "database" needs up to {needed} s to fail'
    )
    reached = status.condition(BrandConditionType.ChecksReachable)
    assert reached is not None
    assert reached.status is ConditionStatus.Yes


SPEC: dict[str, Any] = {
    "source": {"url": "https://git.example.com/drumeo.git"},
    "image": {"repository": "registry.example.com/drumeo"},
    "build": {"external": {}},
    "environments": [
        {
            "name": "production",
            "soakSeconds": 600,
            "checks": [{"name": "database", "cloudWatchAlarms": {"region": REGION, "names": ["load"]}}],
        }
    ],
}


async def no_secret(namespace: str, name: str) -> Secret | None:
    """Alarms are looked at with the operator's own credentials."""
    raise AssertionError((namespace, name))


class Fine:
    """A git server and a registry that answer."""

    async def trouble(self, url: str, secret: Secret | None) -> None:
        return None

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageAbsent:
        return ImageAbsent()


async def test_a_name_that_no_alarm_has_is_named_with_its_region(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    metric_alarm(aws, "load")
    told = message(await alarms.measure(order("load", "load-2", "cpu"), None))
    assert told.startswith(
        'CloudWatch in us-east-2 has no alarms "load-2" and "cpu". Correct names or region of the check'
    )


async def test_an_alarm_of_another_region_is_missing(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    metric_alarm(aws, "load", OTHER_REGION)
    assert 'in us-east-2 has no alarm "load".' in message(await alarms.measure(order("load"), None))
    assert isinstance(await alarms.measure(order("load", region=OTHER_REGION), None), AlarmsSeen)


@pytest.mark.parametrize("name", ["lo\x00ad", "lo\nad"])
async def test_a_name_that_none_can_have_spoils_no_other_question(
    aws: CodeBuildServer, alarms: AlarmCheck, name: str
) -> None:
    metric_alarm(aws, "load")
    bad, good = await asyncio.gather(alarms.measure(order(name), None), alarms.measure(order("load"), None))
    assert "has no alarm" in message(bad)
    assert isinstance(good, AlarmsSeen)
    [call] = aws.journal.calls("DescribeAlarms")
    assert call.parameters["AlarmNames"] == ["load"]


async def test_all_pages_of_an_answer_are_read(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    aws.cloudwatch.most_records = 2
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        composite_alarm(aws, name)
    assert [alarm.name for alarm in await seen(alarms, *names)] == names
    assert len(aws.journal.calls("DescribeAlarms")) == 3


# --- a metric ---------------------------------------------------------------------------------------------------------------

NOW = datetime.now(UTC).replace(second=30, microsecond=0) - timedelta(minutes=2)  # noqa: TID251 - moto forgets what is old
MINUTE = NOW.replace(second=0)
"""When the running period began."""


class Noon:
    """The clock of the operator in these tests."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def metric(api: AwsApi) -> MetricCheck:
    return MetricCheck(api, Noon())


def put(
    aws: CodeBuildServer, value: float, minutes_ago: float, region: str = REGION, cluster: str = "production"
) -> None:
    """A value of the minute that began so many minutes before the running one."""
    datum: dict[str, Any] = {
        "MetricName": "DBLoad",
        "Value": value,
        "Timestamp": MINUTE - timedelta(minutes=minutes_ago),
    }
    which = {"Dimensions": [{"Name": "DBClusterIdentifier", "Value": cluster}]}
    cloudwatch(aws, region).put_metric_data(Namespace="Site/RDS", MetricData=[{**datum, **which}])


def of(**fields: Any) -> CheckOrder:
    given: dict[str, Any] = {"region": REGION, "namespace": "Site/RDS", "metric_name": "DBLoad", "max": "8"}
    given |= {"dimensions": {"DBClusterIdentifier": "production"}, **fields}
    return CheckOrder(Check(name="database", cloud_watch_metric=CloudWatchMetric(**given)))


async def value(metric: MetricCheck, **fields: Any) -> Decimal:
    found = await metric.measure(of(**fields), None)
    assert isinstance(found, NumberSeen), found
    return found.value


async def test_the_newest_whole_period_counts(aws: CodeBuildServer, metric: MetricCheck) -> None:
    for number, minutes_ago in ((1.0, 3), (6.25, 1), (2.0, 2), (99.0, 0)):
        put(aws, number, minutes_ago)
    assert await value(metric) == Decimal("6.25")


async def test_a_value_that_comes_late_is_waited_for_with_the_one_before(
    aws: CodeBuildServer, metric: MetricCheck
) -> None:
    put(aws, 3.5, 4)
    assert await value(metric) == Decimal("3.5")


async def test_values_of_one_period_are_taken_together_as_the_statistic_says(aws: CodeBuildServer, api: AwsApi) -> None:
    for number in (1.0, 2.0, 6.0):
        put(aws, number, 1)
    results = [await value(MetricCheck(api, Noon()), statistic=name) for name in ("Average", "Maximum", "Sum")]
    assert results == [Decimal(3), Decimal(6), Decimal(9)]


async def test_longer_periods_end_where_the_clock_says(aws: CodeBuildServer, metric: MetricCheck) -> None:
    assert isinstance(await metric.measure(of(period_seconds=300), None), Unmeasured)
    [call] = aws.journal.calls("GetMetricData")
    begin, end = (float(call.parameters[name]) for name in ("StartTime", "EndTime"))
    assert end % 300 == 0
    assert 0 <= NOW.timestamp() - end < 300
    assert end - begin == 600


NO_VALUE: dict[str, dict[str, Any]] = {
    "too old": {},
    "other dimensions": {"dimensions": {"DBClusterIdentifier": "staging"}},
    "another region": {"region": OTHER_REGION},
    "another name": {"metric_name": "DbLoad"},
}


@pytest.mark.parametrize("fields", NO_VALUE.values(), ids=NO_VALUE)
async def test_no_value_is_no_zero_and_is_told_with_all_that_may_be_misspelled(
    aws: CodeBuildServer, metric: MetricCheck, fields: dict[str, Any]
) -> None:
    put(aws, 1.0, 1 if fields else 9)
    told = message(await metric.measure(of(**fields), None))
    region, name = fields.get("region", REGION), fields.get("metric_name", "DBLoad")
    cluster = fields.get("dimensions", {"DBClusterIdentifier": "production"})["DBClusterIdentifier"]
    assert told.startswith(
        f"CloudWatch in {region} has no value for Average of Site/RDS {name} (DBClusterIdentifier={cluster}) in the last 6 min. "
    )


# --- what goes wrong at AWS -------------------------------------------------------------------------------------------------

Look = Callable[[AwsApi], Awaitable[Observation]]
LOOKS: dict[str, Look] = {
    "DescribeAlarms": lambda api: AlarmCheck(api).measure(order("load"), None),
    "GetMetricData": lambda api: MetricCheck(api, Noon()).measure(of(), None),
}
TROUBLE = {
    "no right": (Fault(code="AccessDenied"), "AWS does not allow the operator cloudwatch:{call} in us-east-2: "),
    "throttled": (Fault(code="ThrottlingException", times=4), "AWS could not answer cloudwatch:{call} in us-east-2 (ThrottlingException): "),
    "throttled as of old": (Fault(code="Throttling", times=4), "AWS could not answer cloudwatch:{call} in us-east-2 (Throttling): "),
    "old credentials": (Fault(code="ExpiredToken"), "The operator's AWS credentials have expired (ExpiredToken); "),
    "nobody there": (Fault(cut=Cut.Before, times=4), "AWS does not answer cloudwatch:{call} in us-east-2 ("),
    "broken": (Fault(code="InternalFailure", times=4), "AWS could not answer cloudwatch:{call} in us-east-2 (InternalFailure): "),
}  # fmt: skip


@pytest.mark.parametrize("call", LOOKS)
@pytest.mark.parametrize(("fault", "words"), TROUBLE.values(), ids=TROUBLE)
async def test_what_aws_refuses_is_no_evidence_about_the_site(
    aws: CodeBuildServer, api: AwsApi, call: str, fault: Fault, words: str
) -> None:
    metric_alarm(aws, "load")
    put(aws, 1.0, 1)
    aws.script(fault)
    assert message(await LOOKS[call](api)).startswith(words.format(call=call))
    assert not isinstance(await LOOKS[call](api), Unmeasured), "asked again, it is measured"


@pytest.mark.parametrize("call", LOOKS)
async def test_who_has_no_credentials_is_told_how_to_get_them(
    api: AwsApi, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    told = message(await LOOKS[call](api))
    assert told.startswith(f"The operator has no AWS credentials, which cloudwatch:{call} in us-east-2 needs.")


@pytest.mark.parametrize("call", LOOKS)
async def test_an_answer_that_does_not_come_is_not_waited_for_longer_than_a_look_may_take(
    aws: CodeBuildServer, api: AwsApi, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(cloudwatch_calls, "LIMIT_SECONDS", 0.5)
    aws.script(Fault(call, delay=3))
    began = asyncio.get_running_loop().time()
    told = message(await LOOKS[call](api))
    assert told.startswith(
        f"AWS does not answer cloudwatch:{call} in us-east-2 (no answer within 0.5 s). It is asked again"
    )
    assert asyncio.get_running_loop().time() - began < 2


# --- many brands ------------------------------------------------------------------------------------------------------------


async def test_a_hundred_brands_that_look_at_one_alarm_make_one_call(aws: CodeBuildServer, alarms: AlarmCheck) -> None:
    metric_alarm(aws, "load")
    found = await asyncio.gather(*(alarms.measure(order("load"), None) for _ in range(100)))
    assert all(isinstance(each, AlarmsSeen) for each in found)
    assert len(aws.journal.calls("DescribeAlarms")) == 1


async def test_a_hundred_brands_that_look_at_one_alarm_each_make_one_call(
    aws: CodeBuildServer, alarms: AlarmCheck
) -> None:
    for number in range(100):
        aws.cloudwatch.composite[REGION, f"5xx-{number}"] = {"AlarmName": f"5xx-{number}", "StateValue": "OK"}
    found = await asyncio.gather(*(seen(alarms, f"5xx-{number}") for number in range(100)))
    assert [alarm.name for [alarm] in found] == [f"5xx-{number}" for number in range(100)]
    assert len(aws.journal.calls("DescribeAlarms")) == 1


async def test_more_than_a_hundred_names_are_asked_for_in_as_few_calls_as_hold_them(
    aws: CodeBuildServer, alarms: AlarmCheck
) -> None:
    for number in range(250):
        aws.cloudwatch.composite[REGION, f"5xx-{number}"] = {"AlarmName": f"5xx-{number}", "StateValue": "OK"}
    await asyncio.gather(*(seen(alarms, *(f"5xx-{ten + number}" for number in range(10))) for ten in range(0, 250, 10)))
    assert sorted(len(call.parameters["AlarmNames"]) for call in aws.journal.calls("DescribeAlarms")) == [50, 100, 100]


async def test_a_hundred_brands_that_look_at_one_metric_make_one_call(
    aws: CodeBuildServer, metric: MetricCheck
) -> None:
    put(aws, 2.0, 1)
    found = await asyncio.gather(*(metric.measure(of(), None) for _ in range(100)))
    assert set(found) == {NumberSeen(Decimal("2.0"))}
    assert len(aws.journal.calls("GetMetricData")) == 1


async def test_one_brand_that_looks_at_a_missing_alarm_takes_nothing_from_the_others(
    aws: CodeBuildServer, alarms: AlarmCheck
) -> None:
    metric_alarm(aws, "load")
    bad, good = await asyncio.gather(alarms.measure(order("load-2", "load"), None), alarms.measure(order("load"), None))
    assert isinstance(bad, Unmeasured)
    assert isinstance(good, AlarmsSeen)
    assert len(aws.journal.calls("DescribeAlarms")) == 1


class Asked:
    """A source that counts its questions, and answers when it may."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, list[str]]] = []
        self.may_answer = asyncio.Event()
        self.trouble: Unmeasured | None = None

    async def ask(self, region: str, things: Any) -> dict[str, int] | Unmeasured:
        self.questions.append((region, list(things)))
        await self.may_answer.wait()
        return self.trouble or dict.fromkeys(things, len(self.questions))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(shared_looks, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(shared_looks, "FRESH_SECONDS", 0.2)
    return Asked()


@on_virtual_time
async def test_what_is_under_way_is_not_asked_again_however_long_it_takes(asked: Asked) -> None:
    looks = SharedLooks(asked.ask, 100)
    waiting = [asyncio.create_task(looks.look(REGION, ["a"]))]
    await asyncio.sleep(0.3)
    waiting.append(asyncio.create_task(looks.look(REGION, ["a"])))
    await asyncio.sleep(0.05)
    asked.may_answer.set()
    assert await asyncio.gather(*waiting) == [{"a": 1}, {"a": 1}]
    assert asked.questions == [(REGION, ["a"])]


@on_virtual_time
async def test_an_answer_serves_for_a_moment_and_is_then_asked_for_anew(asked: Asked) -> None:
    looks = SharedLooks(asked.ask, 100)
    asked.may_answer.set()
    assert [await looks.look(REGION, ["a"]) for _ in range(3)] == [{"a": 1}] * 3
    assert await looks.look(OTHER_REGION, ["a"]) == {"a": 2}
    await asyncio.sleep(0.25)
    assert await looks.look(REGION, ["a", "b"]) == {"a": 3, "b": 3}
    assert asked.questions == [(REGION, ["a"]), (OTHER_REGION, ["a"]), (REGION, ["a", "b"])]


@on_virtual_time
async def test_trouble_too_serves_for_a_moment_so_that_nobody_storms_who_throttles(asked: Asked) -> None:
    looks = SharedLooks(asked.ask, 100)
    asked.may_answer.set()
    asked.trouble = Unmeasured("throttled")
    assert [await looks.look(REGION, ["a"]) for _ in range(3)] == [asked.trouble] * 3
    asked.trouble = None
    await asyncio.sleep(0.25)
    assert await looks.look(REGION, ["a"]) == {"a": 2}


@on_virtual_time
async def test_who_gives_up_takes_nothing_from_those_who_wait(asked: Asked) -> None:
    looks = SharedLooks(asked.ask, 100)
    impatient, patient = (asyncio.create_task(looks.look(REGION, ["a"])) for _ in range(2))
    await asyncio.sleep(0.05)
    impatient.cancel()
    asked.may_answer.set()
    assert await patient == {"a": 1}
    assert impatient.cancelled()


@on_virtual_time
async def test_what_nobody_looks_at_any_more_is_forgotten(asked: Asked) -> None:
    looks = SharedLooks(asked.ask, 1)
    asked.may_answer.set()
    for number in range(50):
        await looks.look(REGION, [str(number)])
    await asyncio.sleep(0.25)
    await looks.look(REGION, ["last"])
    assert len(looks._last) == 1
