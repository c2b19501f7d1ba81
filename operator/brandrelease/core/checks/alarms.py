"""What the states of alarms mean."""

from brandrelease.apis.checks import CloudWatchAlarms
from brandrelease.apis.reasons import Reason
from brandrelease.core.checks.measured import AlarmSeen, AlarmsSeen, AlarmState, Unmeasured
from brandrelease.core.checks.reading import Bad, Reading
from brandrelease.core.words import cut, one_of


def read_alarms(source: CloudWatchAlarms, seen: AlarmsSeen) -> Reading | Unmeasured:
    """The meaning of the alarms' states. One that lacks data is not raised; one that could not be evaluated says nothing."""
    raised = tuple(_bad(alarm) for alarm in seen.alarms if alarm.state is AlarmState.Alarm)
    unclear = [alarm.name for alarm in seen.alarms if alarm.state is AlarmState.Unclear]
    if unclear and not raised:
        return Unmeasured(
            f"CloudWatch could not evaluate {one_of(unclear)} in {source.region}: some of its data is missing. It is asked again; "
            "if this lasts, look at the alarm in the CloudWatch console."
        )
    return Reading(f"{_names(source)} {'is' if len(source.names) == 1 else 'are'} not raised", raised)


def _bad(alarm: AlarmSeen) -> Bad:
    since = f" since {alarm.since:%H:%M:%S} UTC" if alarm.since else ""
    why = f" ({cut(alarm.why.rstrip('.'), 200)})" if alarm.why else ""
    return Bad(alarm.name, Reason.AlarmRaised, f'alarm "{alarm.name}" is in ALARM{since}{why}', alarm.since)


def _names(source: CloudWatchAlarms) -> str:
    return f"{'alarm' if len(source.names) == 1 else 'alarms'} {cut(one_of(source.names), 200)}"
