"""From what was seen of a Brand and asked about it to its status: decision tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandCondition, BrandConditionType, BrandStatus
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.apis.progress import MESSAGE_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core.brands.health import announcement, is_ready, judge_brand, pause
from brandrelease.core.brands.seen import Asked, BrandSnapshot, CheckLook, SeenBrand, Unreached
from brandrelease.core.checks.measured import AlarmSeen, AlarmsSeen, AlarmState, NumberSeen, Observation, Unmeasured
from brandrelease.core.snapshot import BrandInvalid
from support.witness import check_conditions

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
EVERYTHING = "Everything that a release needs can be reached."
BUILDS: dict[str, Any] = {
    "external": {"external": {}},
    "buildKit": {"buildKit": {}},
    "codeBuild": {"codeBuild": {"project": "drumeo-images", "region": "us-east-2"}},
}
NO_GIT = Unreached(Reason.SourceUnreachable, "git.example.com does not answer. It is asked again.")
NO_REGISTRY = Unreached(Reason.RegistryUnreachable, "The registry does not answer. It is asked again.")
NO_BUILDER = Unreached(Reason.BuilderMisconfigured, "There is no CodeBuild project. Create it.")
HOME = {"name": "home", "http": {"url": "https://www.example.com/"}}
SILENT = Unmeasured("www.example.com refuses connections. Look whether it runs.")
SEEN = NumberSeen(Decimal(1))


def brand(build: str = "external", *checks: dict[str, Any], soak: int = 300, environments: int = 1) -> Brand:
    each = {"soakSeconds": soak, "checks": list(checks)}
    return Brand.model_validate(
        {
            "name": "drumeo",
            "uid": "uid",
            "spec": {
                "source": {"url": "https://git.example.com/drumeo.git"},
                "image": {"repository": "registry.example.com/drumeo"},
                "build": BUILDS[build],
                "environments": [{"name": f"e{number}", **each} for number in range(environments)],
            },
        }
    )


def seen(of: Brand | BrandInvalid, generation: int = 1, status: BrandStatus | None = None) -> SeenBrand:
    return SeenBrand("drumeo", "uid", generation, "7", of, status or BrandStatus())


def judged(
    asked: Asked | None, of: Brand | BrandInvalid | None = None, holders: dict[str, str] | None = None, **more: Any
) -> BrandStatus:
    object_ = seen(of or brand(), **more)
    status = judge_brand(BrandSnapshot(LATER, object_, holders or {}, asked))
    check_conditions(status, object_.generation)
    return status


def told(status: BrandStatus) -> dict[str, tuple[str, str]]:
    return {str(each.type): (str(each.status), str(each.reason)) for each in status.conditions}


def message(status: BrandStatus, kind: BrandConditionType = BrandConditionType.Ready) -> str:
    found = status.condition(kind)
    assert found is not None
    return found.message


def look(observation: Observation, check: dict[str, Any] | None = None, environment: str = "e0") -> CheckLook:
    return CheckLook(environment, brand("external", check or HOME).spec.environments[0].checks[0], observation)


# --- what was asked ---------------------------------------------------------------------------------------------------


def test_a_brand_of_which_everything_answers_is_ready() -> None:
    status = judged(Asked())
    assert told(status) == {
        "Ready": ("True", "Succeeded"),
        "SourceReachable": ("True", "Succeeded"),
        "RegistryReachable": ("True", "Succeeded"),
        "BuilderUsable": ("True", "Succeeded"),
    }
    assert message(status) == EVERYTHING
    assert status.observed_generation == 1


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ("external", "CI builds and pushes the images; there is nothing to ask."),
        ("buildKit", "The API server takes the Brand's build Jobs."),
        ("codeBuild", "CodeBuild project drumeo-images in us-east-2 answers."),
    ],
)
def test_a_builder_that_is_usable_is_told_by_its_own_name(build: str, words: str) -> None:
    assert message(judged(Asked(), brand(build)), BrandConditionType.BuilderUsable) == words


TROUBLES: dict[str, tuple[Asked, str, Reason]] = {
    "git": (Asked(source=NO_GIT), "SourceReachable", Reason.SourceUnreachable),
    "the registry": (Asked(registry=NO_REGISTRY), "RegistryReachable", Reason.RegistryUnreachable),
    "the builder": (Asked(builder=NO_BUILDER), "BuilderUsable", Reason.BuilderMisconfigured),
    "a check": (Asked(checks=(look(SILENT),)), "ChecksReachable", Reason.CheckUnreachable),
    "an endpoint": (Asked(endpoints=("Slack is silent.",)), "NotificationsReachable", Reason.EndpointUnreachable),
}


@pytest.mark.parametrize(("asked", "kind", "reason"), TROUBLES.values(), ids=TROUBLES)
def test_what_does_not_answer_is_told_by_its_own_condition_and_by_ready(
    asked: Asked, kind: str, reason: Reason
) -> None:
    conditions = told(judged(asked))
    assert conditions.pop("Ready") == ("False", reason)
    assert conditions.pop("Reconciling") == ("True", reason)
    assert conditions.pop(kind) == ("False", reason)
    assert set(conditions.values()) == {("True", "Succeeded")}


def test_what_nobody_but_a_person_can_mend_is_stalled() -> None:
    refused = Unreached(Reason.SourceNotAllowed, "http:// is not allowed.")
    conditions = told(judged(Asked(source=refused)))
    assert conditions["Stalled"] == ("True", "SourceNotAllowed")
    assert "Reconciling" not in conditions


def test_the_first_trouble_in_the_order_of_a_release_is_the_reason_and_the_message_counts_the_others() -> None:
    two = judged(Asked(registry=NO_REGISTRY, builder=NO_BUILDER))
    assert told(two)["Ready"] == ("False", "RegistryUnreachable")
    assert message(two) == f"{NO_REGISTRY.message} One more thing is wrong: BuilderUsable."
    three = judged(Asked(source=NO_GIT, registry=NO_REGISTRY, builder=NO_BUILDER))
    assert message(three) == f"{NO_GIT.message} 2 more things are wrong: RegistryReachable and BuilderUsable."


def test_the_count_of_the_others_is_there_however_long_the_first_message_is() -> None:
    long = Unreached(Reason.SourceUnreachable, "x" * 5000)
    text = message(judged(Asked(source=long, registry=NO_REGISTRY)))
    assert len(text) == MESSAGE_LIMIT
    assert text.endswith("… One more thing is wrong: RegistryReachable.")


def test_checks_and_endpoints_are_told_of_only_where_there_are_some() -> None:
    assert "ChecksReachable" not in told(judged(Asked()))
    assert "NotificationsReachable" not in told(judged(Asked()))
    status = judged(Asked(checks=(look(SEEN),), endpoints=()))
    assert told(status)["ChecksReachable"] == ("True", "Succeeded")
    assert told(status)["NotificationsReachable"] == ("True", "Succeeded")


def test_a_check_that_is_bad_can_be_reached() -> None:
    alarm = AlarmSeen("load", AlarmState.Alarm, NOW, "Threshold crossed.")
    assert told(judged(Asked(checks=(look(AlarmsSeen((alarm,))),))))["ChecksReachable"] == ("True", "Succeeded")


def test_silent_checks_are_told_by_the_first_and_their_count() -> None:
    one = message(judged(Asked(checks=(look(SILENT), look(SEEN)))), BrandConditionType.ChecksReachable)
    assert one == f'Check "home" of environment e0 could not look: {SILENT.message}'
    two = message(
        judged(Asked(checks=(look(SILENT), look(SILENT, environment="e1")))), BrandConditionType.ChecksReachable
    )
    assert two == f"{one} (2 checks in all.)"


def test_silent_endpoints_are_told_by_the_first_and_their_count() -> None:
    status = judged(Asked(endpoints=("A is silent.", "B is silent.")))
    assert message(status, BrandConditionType.NotificationsReachable) == "A is silent. (2 endpoints in all.)"


# --- the object -------------------------------------------------------------------------------------------------------


def test_a_brand_that_breaks_a_rule_of_this_operator_waits_for_somebody() -> None:
    status = judged(None, BrandInvalid("spec.build: must name exactly one builder."))
    assert told(status) == {"Ready": ("False", "BrandInvalid"), "Stalled": ("True", "BrandInvalid")}
    assert message(status) == (
        "Brand drumeo breaks a rule that this operator checks: spec.build: must name exactly one builder. "
        "Correct the Brand; no release of it begins before."
    )
    assert status.environments == ()


def test_an_environment_tells_its_namespace_and_who_holds_it() -> None:
    status = judged(Asked(), brand(environments=2), {"e1": "drumeo", "of-another": "x"})
    assert [(each.name, each.namespace, each.release) for each in status.environments] == [
        ("e0", "drumeo-e0", None),
        ("e1", "drumeo-e1", "drumeo"),
    ]


def test_a_new_spec_is_being_found_out_and_what_was_known_of_the_old_one_is_unknown() -> None:
    old = judged(Asked(source=NO_GIT))
    status = judged(None, generation=2, status=old)
    assert told(status) == {
        "Ready": ("Unknown", "Asking"),
        "Reconciling": ("True", "Asking"),
        "SourceReachable": ("Unknown", "Asking"),
        "RegistryReachable": ("Unknown", "Asking"),
        "BuilderUsable": ("Unknown", "Asking"),
    }
    assert status.observed_generation == 2


def test_while_nothing_is_asked_what_was_found_stands_and_only_the_holders_change() -> None:
    old = judged(Asked(source=NO_GIT))
    status = judged(None, holders={"e0": "drumeo"}, status=old)
    assert status.conditions == old.conditions
    assert [each.release for each in status.environments] == ["drumeo"]


def test_what_was_found_again_changes_nothing_at_all() -> None:
    for asked in (Asked(), Asked(source=NO_GIT, endpoints=("Slack is silent.",))):
        old = judged(asked)
        assert judged(asked, status=old) == old


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    at = {each.type: each.last_transition_time for each in _at_noon(Asked()).conditions}
    status = judged(Asked(source=NO_GIT), status=_at_noon(Asked()))
    times = {each.type: each.last_transition_time for each in status.conditions}
    assert times[BrandConditionType.RegistryReachable] == at[BrandConditionType.RegistryReachable] == NOW
    assert times[BrandConditionType.Ready] == times[BrandConditionType.SourceReachable] == LATER


def _at_noon(asked: Asked) -> BrandStatus:
    return judge_brand(BrandSnapshot(NOW, seen(brand()), {}, asked))


# --- the soak ---------------------------------------------------------------------------------------------------------

METRIC = {
    "name": "load",
    "onFailure": "Rollback",
    "cloudWatchMetric": {
        "region": "us-east-2", "namespace": "AWS/RDS", "metricName": "DBLoad", "periodSeconds": 60, "max": "8"
    },
}  # fmt: skip
ALARMS = {"name": "alarms", "cloudWatchAlarms": {"region": "us-east-2", "names": ["a", "b"]}}
# Two more looks after the first, 15 s apart, and the last may take as long as its limit.
SOAKS: dict[str, tuple[dict[str, Any], int]] = {
    "http": (HOME, 2 * 15 + 5),
    "one look is enough": (HOME | {"failureLimit": 1, "intervalSeconds": 600}, 5),
    "a late first look": (HOME | {"initialDelaySeconds": 60}, 60 + 2 * 15 + 5),
    "a metric, of which whole periods count": (METRIC, 2 * 15 + 30 + 2 * 60),
    "alarms, which CloudWatch has told nothing about": (ALARMS, 2 * 15 + 30),
}


@pytest.mark.parametrize(("check", "needed"), SOAKS.values(), ids=SOAKS)
def test_a_soak_that_is_one_second_too_short_for_the_check_is_warned_of(check: dict[str, Any], needed: int) -> None:
    enough, short = (judged(Asked(), brand("external", check, soak=soak)) for soak in (needed, needed - 1))
    assert "SoakTooShort" not in told(enough)
    assert told(short)["SoakTooShort"] == ("True", "SoakTooShort")
    assert f"Raise soakSeconds to {needed}" in message(short, BrandConditionType.SoakTooShort)
    assert told(short)["Ready"] == ("True", "Succeeded"), "it is a warning"
    assert message(short) == f"{EVERYTHING} {message(short, BrandConditionType.SoakTooShort)}"


@pytest.mark.parametrize("harmless", [{"onFailure": "Ignore"}, {"dryRun": True}])
def test_a_check_from_which_nothing_follows_may_need_as_long_as_it_likes(harmless: dict[str, Any]) -> None:
    assert "SoakTooShort" not in told(judged(Asked(), brand("external", HOME | harmless, soak=0)))


def test_alarms_that_need_longer_than_the_soak_are_told_by_the_quickest_of_them() -> None:
    quick, slow, silent = (
        AlarmSeen(name, AlarmState.Ok, NOW, "", window)
        for name, window in (("q", timedelta(minutes=5)), ("s", timedelta(hours=1)), ("?", None))
    )
    of = brand("external", ALARMS, soak=300)
    status = judged(Asked(checks=(look(AlarmsSeen((slow, silent, quick)), ALARMS),)), of)
    assert f"Raise soakSeconds to {300 + 60}" in message(status, BrandConditionType.SoakTooShort)
    enough = judged(Asked(checks=(look(AlarmsSeen((quick,)), ALARMS),)), brand("external", ALARMS, soak=360))
    assert "SoakTooShort" not in told(enough)


def test_alarms_of_another_environment_or_another_check_say_nothing_of_this_one() -> None:
    slow = AlarmsSeen((AlarmSeen("s", AlarmState.Ok, NOW, "", timedelta(hours=1)),))
    looks = (look(slow, ALARMS, "e1"), look(slow, ALARMS | {"name": "others"}), look(SEEN, ALARMS))
    assert "SoakTooShort" not in told(judged(Asked(checks=looks), brand("external", ALARMS)))


def test_several_soaks_that_are_too_short_are_counted() -> None:
    status = judged(Asked(), brand("external", HOME, METRIC, soak=0))
    assert message(status, BrandConditionType.SoakTooShort).endswith(
        "1 more of the Brand's checks are slower than their soak, too."
    )


def test_a_warning_stands_beside_a_trouble_and_does_not_hide_it() -> None:
    status = judged(Asked(source=NO_GIT), brand("external", HOME, soak=0))
    assert message(status) == NO_GIT.message
    assert told(status)["SoakTooShort"] == ("True", "SoakTooShort")


# --- when to ask again, and whom to tell ------------------------------------------------------------------------------


def with_ready(status: ConditionStatus | None) -> BrandStatus:
    if status is None:
        return BrandStatus()
    ready = BrandCondition(
        type=BrandConditionType.Ready,
        status=status,
        reason=Reason.SourceUnreachable,
        message="Why.",
        last_transition_time=NOW,
        observed_generation=1,
    )
    return BrandStatus(observed_generation=1, conditions=(ready,))


def test_a_ready_brand_is_asked_about_every_ten_minutes_however_long_it_was_not() -> None:
    assert pause(with_ready(ConditionStatus.Yes), tries=9) == timedelta(minutes=10)


@pytest.mark.parametrize(("tries", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (7, 300), (10_000, 300)])
def test_a_brand_that_is_not_ready_is_asked_about_after_pauses_that_grow_to_five_minutes(
    tries: int, seconds: int
) -> None:
    assert pause(with_ready(ConditionStatus.No), tries) == timedelta(seconds=seconds)


YES, NO, UNKNOWN = ConditionStatus.Yes, ConditionStatus.No, ConditionStatus.Unknown
TOLD: list[tuple[ConditionStatus | None, ConditionStatus | None, str | None]] = [
    (None, YES, None),
    (None, NO, "Warning"),
    (YES, NO, "Warning"),
    (UNKNOWN, NO, "Warning"),
    (NO, NO, None),
    (NO, YES, "Normal"),
    (UNKNOWN, YES, None),
    (YES, YES, None),
    (NO, UNKNOWN, None),
    (YES, None, None),
]


@pytest.mark.parametrize(("was", "now", "event"), TOLD)
def test_an_event_tells_that_ready_turns_false_and_that_it_turns_true_again(
    was: ConditionStatus | None, now: ConditionStatus | None, event: str | None
) -> None:
    found = announcement(with_ready(was), with_ready(now))
    assert (found and ("Warning" if found.warning else "Normal")) == event
    if found is not None:
        assert (found.reason, found.message) == (Reason.SourceUnreachable, "Why.")


def test_of_a_status_that_says_nothing_nobody_knows_whether_it_is_ready() -> None:
    assert is_ready(BrandStatus()) is None
    assert is_ready(replace(seen(brand()), status=with_ready(NO)).status) is NO
