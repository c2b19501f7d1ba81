"""What one look makes of a check: how it stood before the release, and how it stands while the release is watched."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from brandrelease.apis.checks import Check
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import BAD_LIMIT, LOOK_LIMIT, CheckBaseline, CheckProgress, CheckState
from brandrelease.core.checks.look import read
from brandrelease.core.checks.measured import Measured, Unmeasured
from brandrelease.core.checks.reading import Bad, Reading
from brandrelease.core.words import capital, cut, several


def before_release(check: Check, measured: Measured) -> CheckBaseline:
    """How the check stands before the Deployment is changed."""
    reading = read(check, measured.observation, None, measured.at)
    if isinstance(reading, Unmeasured):
        return CheckBaseline(
            name=check.name, state=CheckState.Error, message=_sentence(reading.message), observed_at=measured.at
        )
    return CheckBaseline(
        name=check.name,
        state=CheckState.Failed if reading.bad else CheckState.Passed,
        value=str(reading.value)[:64] if reading.value is not None else None,
        bad=tuple(each.part for each in reading.bad[:BAD_LIMIT]),
        message=_told(reading.bad) if reading.bad else _sentence(reading.text),
        observed_at=measured.at,
    )


def in_the_watch(
    check: Check, baseline: CheckBaseline | None, last: CheckProgress | None, measured: Measured, changed_at: datetime
) -> CheckProgress:
    """How the check stands after one more look. changed_at: when the Deployment was changed."""
    before = Decimal(baseline.value) if baseline is not None and baseline.value is not None else None
    reading = read(check, measured.observation, before, measured.at)
    looks = last.bad_looks if last is not None else 0
    if isinstance(reading, Unmeasured):
        return _error(check, last, reading.message, measured)
    charged = tuple(_blamed(bad, baseline) for bad in reading.bad if _is_charged(bad, baseline, changed_at))
    if charged:
        return _bad(check, charged, measured, looks + 1)
    if reading.bad:
        text = f"{_told(reading.bad)} It was so before the release, which is not charged with it."
        return _progress(check, CheckState.NotCharged, text, measured)
    return _progress(check, CheckState.Passed, _after_all(reading, baseline), measured)


def _error(check: Check, last: CheckProgress | None, why: str, measured: Measured) -> CheckProgress:
    """Nobody knows how it stands now. What was bad before that counts on."""
    if last is None or last.bad_looks == 0:
        return _progress(check, CheckState.Error, why, measured)
    text = f"{cut(why.rstrip('.'), LOOK_LIMIT // 2)}. When it was seen last, it was bad."
    error = _progress(check, CheckState.Error, text, measured, bad_looks=last.bad_looks)
    return error.model_copy(update={"reason": last.reason})


def _bad(check: Check, charged: tuple[Bad, ...], measured: Measured, looks: int) -> CheckProgress:
    if looks >= check.failure_limit:
        return _progress(check, CheckState.Failed, _told(charged), measured, bad_looks=looks, bad=charged[0])
    text = f"{_told(charged)} That is look {looks} of {check.failure_limit} in a row that may be bad."
    return _progress(check, CheckState.Failing, text, measured, bad_looks=looks, bad=charged[0])


def _is_charged(bad: Bad, baseline: CheckBaseline | None, changed_at: datetime) -> bool:
    """Whether it can be the release's doing: it began after the Deployment was changed."""
    if bad.since is not None:
        return bad.since >= changed_at
    return baseline is None or bad.part not in baseline.bad


def _blamed(bad: Bad, baseline: CheckBaseline | None) -> Bad:
    """What is bad, by a reason that blames the commit only where it is known to have been good before."""
    unknown = baseline is None or baseline.state is CheckState.Error
    return (
        replace(bad, reason=Reason.CheckFailedWithoutBaseline) if unknown and bad.reason is Reason.CheckFailed else bad
    )


def _after_all(reading: Reading, baseline: CheckBaseline | None) -> str:
    mended = baseline is not None and baseline.state is CheckState.Failed
    return f"{reading.text}; it was bad before the release" if mended else reading.text


def _progress(
    check: Check, state: CheckState, text: str, measured: Measured, *, bad_looks: int = 0, bad: Bad | None = None
) -> CheckProgress:
    return CheckProgress(
        name=check.name,
        state=state,
        reason=bad.reason if bad is not None else None,
        bad_looks=min(bad_looks, check.failure_limit),
        message=_sentence(text),
        observed_at=measured.at,
    )


def _told(bad: tuple[Bad, ...]) -> str:
    more = f"; and {several(len(bad) - 2, 'more')}" if len(bad) > 2 else ""  # noqa: PLR2004 - two are told in full
    return _sentence("; ".join(each.message for each in bad[:2]) + more)


def _sentence(text: str) -> str:
    """With a capital letter, unless it begins with an address, and a full stop; cut to what the status holds."""
    begins = text if "://" in text.split(" ", 1)[0] else capital(text)
    return cut(begins.rstrip("."), LOOK_LIMIT - 1) + "."
