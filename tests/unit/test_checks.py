"""What one look means: each source, what is good and what is bad about it, and the words for people."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brandrelease.apis.brandrelease import CurrentRelease
from brandrelease.apis.checks import Check, OnFailure
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import LOOK_LIMIT, CheckBaseline, CheckState
from brandrelease.core.checks.baseline import charged_beside
from brandrelease.core.checks.look import read
from brandrelease.core.checks.looked import before_release, in_the_watch
from brandrelease.core.checks.measured import (
    AlarmSeen,
    AlarmsSeen,
    AlarmState,
    HttpAnswer,
    HttpResult,
    HttpSeen,
    Measured,
    NoHttpAnswer,
    NumberSeen,
    Observation,
    Unmeasured,
)
from brandrelease.core.checks.number import plain_number
from brandrelease.core.checks.reading import Bad, Reading

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
CHANGED_AT = NOW - timedelta(minutes=2)
URL = "https://www.drumeo.com/lessons"
OK = HttpAnswer(200, 0.12)


def check(**fields: object) -> Check:
    return Check.model_validate({"name": "it"} | fields)


def page(**fields: object) -> Check:
    return check(http={"url": URL, "podPort": 80} | fields)


def prometheus(**fields: object) -> Check:
    return check(prometheus={"url": "http://prometheus:9090", "query": "error_ratio"} | fields)


def logs(**fields: object) -> Check:
    return check(elasticsearch={"url": "https://logs.example.com", "index": "logs-*", "query": "level:error"} | fields)


def alarms(*names: str) -> Check:
    return check(cloudWatchAlarms={"region": "us-east-2", "names": list(names)})


def metric(**fields: object) -> Check:
    return check(
        cloudWatchMetric={
            "region": "us-east-2",
            "namespace": "AWS/RDS",
            "metricName": "DBLoad",
            "dimensions": {"DBClusterIdentifier": "production"},
        }
        | fields
    )


def meaning(of: Check, seen: Observation, before: str | None = None) -> Reading:
    reading = read(of, seen, Decimal(before) if before else None, NOW)
    assert isinstance(reading, Reading)
    return reading


def bad(of: Check, seen: Observation, before: str | None = None) -> list[tuple[str, Reason, str]]:
    return [(each.part, each.reason, each.message) for each in meaning(of, seen, before).bad]


# --- a page ---------------------------------------------------------------------------------------------------------------

POD = "/lessons"
PAGES: dict[str, tuple[Check, HttpResult, list[tuple[str, HttpResult]], list[tuple[str, Reason, str]]]] = {
    "all is well": (page(), OK, [("a", OK), ("b", OK)], []),
    "a status that is as good": (page(statuses=[200, 301]), HttpAnswer(301, 0.1), [], []),
    "edge and pods answer 500": (
        page(),
        HttpAnswer(500, 0.1),
        [("a", HttpAnswer(500, 0.1)), ("b", HttpAnswer(500, 0.1))],
        [
            ("public", Reason.CheckFailed, f"{URL} answers 500 instead of 200"),
            ("pods", Reason.CheckFailed, "pod a answers 500 instead of 200 for /lessons, and 1 other pod too"),
        ],
    ),
    "one pod of two is bad, and the edge has not met it yet": (
        page(),
        OK,
        [("a", OK), ("b", HttpAnswer(503, 0.1))],
        [("pods", Reason.CheckFailed, "pod b answers 503 instead of 200 for /lessons")],
    ),
    "the edge alone is bad": (
        page(),
        HttpAnswer(502, 0.1),
        [("a", OK)],
        [
            (
                "public",
                Reason.EdgeFailed,
                (
                    f"{URL} answers 502 instead of 200, while 1 pod answers well for /lessons: look at what is in front of them "
                    "(Ingress, load balancer, CDN) and at what it needs from the site"
                ),
            )
        ],
    ),
    "a wrong answer, and no pods were asked": (
        page(podPort=None),
        HttpAnswer(404, 0.1),
        [],
        [("public", Reason.CheckFailed, f"{URL} answers 404 instead of 200")],
    ),
    "no answer, and no pods were asked": (
        page(podPort=None),
        NoHttpAnswer("refuses connections"),
        [],
        [("public", Reason.EdgeFailed, f"{URL} refuses connections")],
    ),
    "a text is missing": (
        page(bodyContains="</html>"),
        HttpAnswer(200, 0.1, has_text=False),
        [],
        [("public", Reason.CheckFailed, f"{URL} answers 200, but without the text '</html>'")],
    ),
    "a text is there": (page(bodyContains="</html>"), OK, [], []),
    "too slow": (
        page(maxLatencyMilliseconds=1500),
        HttpAnswer(200, 3.21),
        [],
        [("public", Reason.CheckFailed, f"{URL} answers after 3.2 s; at most 1.5 s is good")],
    ),
    "just in time": (page(maxLatencyMilliseconds=1500), HttpAnswer(200, 1.5), [], []),
}


@pytest.mark.parametrize("sentence", PAGES)
def test_a_page(sentence: str) -> None:
    of, public, pods, expected = PAGES[sentence]
    assert bad(of, HttpSeen(public, tuple(pods))) == expected


@pytest.mark.parametrize(
    ("days", "warned"),
    [(13, "; its certificate ends on 2026-12-10 03:00 UTC, so renew it"), (15, "")],
    ids=["soon", "later"],
)
def test_a_certificate_that_ends_soon_is_told_and_nothing_bad(days: int, warned: str) -> None:
    reading = meaning(page(), HttpSeen(OK, (("a", OK),), NOW + timedelta(days=days)))
    assert reading.text == f"{URL} answers 200 in 0.12 s; 1 pod asked beside it{warned}"
    assert reading.bad == ()


def test_a_certificate_is_not_told_of_where_nobody_wants_to_know() -> None:
    reading = meaning(page(tlsWarningDays=0), HttpSeen(NoHttpAnswer("refuses"), (), NOW))
    assert reading.text == f"{URL} refuses"


# --- numbers --------------------------------------------------------------------------------------------------------------

NUMBERS: dict[str, tuple[Check, str, str | None, bool, str]] = {
    "below the greatest that is good": (
        prometheus(max="0.05"),
        "0.03",
        None,
        False,
        "the query error_ratio is 0.03 (good: at most 0.05)",
    ),
    "at the greatest that is good": (prometheus(max="0.05"), "0.05", None, False, "(good: at most 0.05)"),
    "above it": (prometheus(max="0.05"), "0.0501", None, True, "is 0.0501 (good: at most 0.05)"),
    "below the least that is good": (
        prometheus(min="10", max="20"),
        "9.5",
        None,
        True,
        "is 9.5 (good: at least 10 and at most 20)",
    ),
    "more than the ratio allows": (
        prometheus(maxRatio="2", floor="1"),
        "7",
        "3",
        True,
        "is 7 (good: at most 6, 2 times the 3 before the release)",
    ),
    "less than the ratio allows": (prometheus(maxRatio="2", floor="1"), "6", "3", False, "good: at most 6"),
    "up to the floor, whatever it was": (
        prometheus(maxRatio="2", floor="1"),
        "1",
        "0",
        False,
        "is 1 (good: at most 1, always good up to there; it was 0 before the release)",
    ),
    "above the floor of nothing": (prometheus(maxRatio="2", floor="1"), "1.5", "0", True, "good: at most 1,"),
    "the lower of two bounds counts": (
        prometheus(max="5", maxRatio="2", floor="1"),
        "5.5",
        "3",
        True,
        "is 5.5 (good: at most 5)",
    ),
    "nothing is known of before": (
        prometheus(maxRatio="2", floor="1"),
        "1000",
        None,
        False,
        "is 1000 (nothing is known of before the release, so maxRatio is not judged)",
    ),
    "nothing is known of before, but there is a fixed bound": (
        prometheus(max="5", maxRatio="2", floor="1"),
        "6",
        None,
        True,
        "(good: at most 5, nothing is known of before the release, so maxRatio is not judged)",
    ),
    "lines of a log": (
        logs(windowSeconds=120),
        "81",
        "40",
        True,
        "the number of lines in logs-* that match level:error in the last 2 min is 81 (good: at most 80, 2 times the 40 before the release)",
    ),
    "few lines are always good": (logs(), "10", "0", False, "good: at most 10, always good up to there"),
    "a metric of the database": (
        metric(max="8"),
        "9.25",
        None,
        True,
        "AWS/RDS DBLoad (Average) of DBClusterIdentifier production is 9.25 (good: at most 8)",
    ),
    "a metric without dimensions": (metric(max="8", dimensions={}), "1", None, False, "AWS/RDS DBLoad (Average) is 1"),
}


@pytest.mark.parametrize("sentence", NUMBERS)
def test_a_number(sentence: str) -> None:
    of, value, before, is_bad, words = NUMBERS[sentence]
    reading = meaning(of, NumberSeen(Decimal(value)), before)
    assert words in reading.text
    assert reading.value == Decimal(value)
    reason = Reason.MetricExceeded if of.cloud_watch_metric else Reason.CheckFailed
    assert [(each.part, each.reason, each.message) for each in reading.bad] == (
        [("value", reason, reading.text)] if is_bad else []
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("100", "100"),
        ("0.50000", "0.5"),
        ("0.123456", "0.1235"),
        ("0.00001234", "0.00001234"),
        ("1E+3", "1000"),
        ("0", "0"),
        ("1234567890123456789", "1.2346e+18"),
        ("1E+300", "1.0000e+300"),
        ("-1E+24", "-1.0000e+24"),
    ],
)
def test_numbers_are_written_as_people_write_them(number: str, words: str) -> None:
    assert plain_number(Decimal(number)) == words


# --- alarms ---------------------------------------------------------------------------------------------------------------


def alarm(name: str, state: AlarmState, since: datetime | None = None, why: str = "") -> AlarmSeen:
    return AlarmSeen(name, state, since, why)


def test_alarms_that_are_ok_or_lack_data_are_not_raised() -> None:
    seen = AlarmsSeen((alarm("load", AlarmState.Ok), alarm("cpu", AlarmState.InsufficientData)))
    reading = meaning(alarms("load", "cpu"), seen)
    assert (reading.text, reading.bad) == ('alarms "load" and "cpu" are not raised', ())


def test_an_alarm_that_is_raised_is_told_with_the_words_of_cloudwatch() -> None:
    seen = AlarmsSeen((alarm("load", AlarmState.Alarm, NOW, "Threshold Crossed: 9.1 > 8.0."),))
    text = 'alarm "load" is in ALARM since 03:00:00 UTC (Threshold Crossed: 9.1 > 8.0)'
    assert meaning(alarms("load"), seen).bad == (Bad("load", Reason.AlarmRaised, text, NOW),)


def test_an_alarm_that_could_not_be_evaluated_says_nothing() -> None:
    seen = AlarmsSeen((alarm("load", AlarmState.Unclear), alarm("cpu", AlarmState.Ok)))
    reading = read(alarms("load", "cpu"), seen, None, NOW)
    assert isinstance(reading, Unmeasured)
    assert reading.message.startswith('CloudWatch could not evaluate "load" in us-east-2')


def test_beside_one_that_is_raised_an_unclear_one_does_not_matter() -> None:
    seen = AlarmsSeen((alarm("load", AlarmState.Unclear), alarm("cpu", AlarmState.Alarm)))
    assert bad(alarms("load", "cpu"), seen) == [("cpu", Reason.AlarmRaised, 'alarm "cpu" is in ALARM')]


@pytest.mark.parametrize(
    ("of", "seen"),
    [(page(), NumberSeen(Decimal(1))), (alarms("load"), HttpSeen(OK)), (prometheus(max="1"), HttpSeen(OK))],
    ids=["page", "alarms", "number"],
)
def test_what_does_not_belong_to_its_source_is_a_fault_of_ours_and_no_failure(of: Check, seen: Observation) -> None:
    reading = read(of, seen, None, NOW)
    assert isinstance(reading, Unmeasured)
    assert "This is a fault of the operator: report it." in reading.message


# --- before the release -----------------------------------------------------------------------------------------------


def test_what_was_good_before_is_kept_with_its_value() -> None:
    entry = before_release(logs(), Measured(NumberSeen(Decimal(12)), NOW))
    assert (entry.state, entry.value, entry.bad) == (CheckState.Passed, "12", ())
    assert entry.message.startswith("The number of lines in logs-* that match")


def test_what_was_bad_before_is_kept_by_its_parts() -> None:
    entry = before_release(page(), Measured(HttpSeen(HttpAnswer(502, 0.1), (("a", OK),)), NOW))
    assert (entry.state, entry.bad) == (CheckState.Failed, ("public",))
    assert entry.message.startswith(f"{URL} answers 502")


def test_a_source_that_did_not_answer_is_kept_with_its_words() -> None:
    entry = before_release(logs(), Measured(Unmeasured("The host is gone."), NOW))
    assert (entry.state, entry.message) == (CheckState.Error, "The host is gone.")


# --- in the watch -----------------------------------------------------------------------------------------------------


def baseline(*bad_before: str) -> CheckBaseline:
    state = CheckState.Failed if bad_before else CheckState.Passed
    return CheckBaseline(name="it", state=state, bad=bad_before, message="So it was.", observed_at=CHANGED_AT)


@pytest.mark.parametrize(
    ("since", "before", "state"),
    [
        (NOW, (), "Failing"),
        (NOW, ("load",), "Failing"),
        (CHANGED_AT, (), "Failing"),
        (CHANGED_AT - timedelta(seconds=1), ("load",), "NotCharged"),
        (CHANGED_AT - timedelta(seconds=1), (), "NotCharged"),
        (None, ("load",), "NotCharged"),
        (None, (), "Failing"),
    ],
    ids=[
        "raised since",
        "raised anew since",
        "raised in the very moment",
        "raised before",
        "raised between the look and the change",
        "nobody knows since when, but it was raised before",
        "nobody knows since when, and it was not raised before",
    ],
)
def test_which_alarm_is_charged(since: datetime | None, before: tuple[str, ...], state: str) -> None:
    seen = AlarmsSeen((alarm("load", AlarmState.Alarm, since),))
    assert in_the_watch(alarms("load"), baseline(*before), None, Measured(seen, NOW), CHANGED_AT).state == state


def test_without_a_state_before_everything_bad_is_charged_and_blames_nobody() -> None:
    seen = Measured(HttpSeen(HttpAnswer(500, 0.1)), NOW)
    entry = in_the_watch(page(), None, None, seen, CHANGED_AT)
    assert (entry.state, entry.reason, entry.bad_looks) == ("Failing", "CheckFailedWithoutBaseline", 1)


def test_one_bad_look_is_enough_where_the_brand_says_so() -> None:
    of = Check.model_validate({"name": "it", "failureLimit": 1, "http": {"url": URL}})
    entry = in_the_watch(of, baseline(), None, Measured(HttpSeen(HttpAnswer(500, 0.1)), NOW), CHANGED_AT)
    assert (entry.state, entry.message) == ("Failed", f"{URL} answers 500 instead of 200.")


def test_bad_looks_are_counted_no_further_than_the_limit() -> None:
    seen, entry = Measured(HttpSeen(HttpAnswer(500, 0.1)), NOW), None
    for _ in range(5):
        entry = in_the_watch(page(), baseline(), entry, seen, CHANGED_AT)
    assert entry is not None
    assert (entry.state, entry.bad_looks) == ("Failed", 3)


def test_of_many_alarms_two_are_told_and_the_others_counted() -> None:
    names = [f"alarm-{number}" for number in range(5)]
    seen = AlarmsSeen(tuple(alarm(name, AlarmState.Alarm) for name in names))
    entry = before_release(alarms(*names), Measured(seen, NOW))
    assert entry.message == 'Alarm "alarm-0" is in ALARM; alarm "alarm-1" is in ALARM; and 3 more.'
    assert entry.bad == tuple(names)


def test_a_message_never_fills_the_status() -> None:
    entry = before_release(logs(), Measured(Unmeasured("x" * 5000), NOW))
    assert len(entry.message) == LOOK_LIMIT


# --- what the Brand says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "consequence"),
    [
        (page(), OnFailure.Rollback),
        (prometheus(max="1"), OnFailure.Rollback),
        (logs(), OnFailure.Rollback),
        (alarms("load"), OnFailure.Hold),
        (metric(max="1"), OnFailure.Hold),
        (check(onFailure="Hold", http={"url": URL}), OnFailure.Hold),
        (check(onFailure="Rollback", cloudWatchAlarms={"region": "us-east-2", "names": ["a"]}), OnFailure.Rollback),
        (check(onFailure="Rollback", dryRun=True, http={"url": URL}), OnFailure.Ignore),
    ],
)
def test_what_a_failure_leads_to(of: Check, consequence: OnFailure) -> None:
    assert of.consequence is consequence


def test_how_long_a_check_takes_to_fail_is_known() -> None:
    of = check(initialDelaySeconds=20, intervalSeconds=30, failureLimit=3, http={"url": URL, "timeoutSeconds": 4})
    assert of.time_to_fail == timedelta(seconds=20 + 2 * 30 + 4)
    assert alarms("load").timeout == timedelta(seconds=30)


@pytest.mark.parametrize(
    "fields",
    [{}, {"http": {"url": URL}, "prometheus": {"url": "http://p:9090", "query": "x", "max": "1"}}],
    ids=["none", "two"],
)
def test_a_check_names_exactly_one_source(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must name exactly one source"):
        check(**fields)


def test_a_bound_is_a_number() -> None:
    with pytest.raises(ValueError, match="'many' is not a number"):
        prometheus(max="many")


def test_what_the_older_release_knew_nothing_of_is_excused_as_the_newer_one_found_it() -> None:
    body = {"number": 2, "ref": "master", "commit": "2" * 40, "started_at": NOW}
    new = CurrentRelease(**body, baseline=(baseline("public"),))
    assert charged_beside(new, CurrentRelease(**body | {"number": 1})) == new
