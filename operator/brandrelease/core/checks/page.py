"""What the answers of a site mean: whether the edge in front of it is bad, or the pods, or both."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from brandrelease.apis.checks import HttpCheck
from brandrelease.apis.reasons import Reason
from brandrelease.core.checks.measured import HttpAnswer, HttpResult, HttpSeen
from brandrelease.core.checks.reading import Bad, Reading
from brandrelease.core.words import cut, several

PUBLIC, PODS = "public", "pods"


def read_page(check: HttpCheck, seen: HttpSeen, now: datetime) -> Reading:
    """The meaning of what the public address and the pods have said."""
    edge = _trouble(check, seen.public)
    pods = [(name, trouble) for name, result in seen.pods if (trouble := _trouble(check, result)) is not None]
    bad = []
    if edge is not None:
        bad.append(Bad(PUBLIC, _whose(seen, pods), f"{check.url} {edge}{_beside(check, seen, pods)}"))
    if pods:
        name, trouble = pods[0]
        path, others = _path(check), several(len(pods) - 1, "other pod")
        also = f", and {others} too" if len(pods) > 1 else ""
        bad.append(Bad(PODS, Reason.CheckFailed, f"pod {name} {trouble} for {path}{also}"))
    return Reading(_well(check, seen, now), tuple(bad))


def _trouble(check: HttpCheck, result: HttpResult) -> str | None:
    """What is bad about an answer, as the end of a sentence."""
    if not isinstance(result, HttpAnswer):
        return result.why
    if result.status not in check.statuses:
        return f"answers {result.status} instead of {_statuses(check)}"
    if check.body_contains is not None and not result.has_text:
        return f"answers {result.status}, but without the text {cut(check.body_contains, 80)!r}"
    limit = check.max_latency_milliseconds
    if limit is not None and result.seconds * 1000 > limit:
        return f"answers after {result.seconds:.1f} s; at most {limit / 1000:g} s is good"
    return None


def _whose(seen: HttpSeen, bad_pods: list[tuple[str, str]]) -> Reason:
    """Only the pods prove that it is the commit's doing; asked or not, a wrong answer was made by somebody's code."""
    if bad_pods:
        return Reason.CheckFailed
    if seen.pods or not isinstance(seen.public, HttpAnswer):
        return Reason.EdgeFailed
    return Reason.CheckFailed


def _beside(check: HttpCheck, seen: HttpSeen, bad_pods: list[tuple[str, str]]) -> str:
    """What the pods say at the same time."""
    if not seen.pods or bad_pods:
        return ""
    asked = f"{several(len(seen.pods), 'pod')} {'answers' if len(seen.pods) == 1 else 'answer'}"
    return f", while {asked} well for {_path(check)}: look at what is in front of them (Ingress, load balancer, CDN) and at what it needs from the site"


def _well(check: HttpCheck, seen: HttpSeen, now: datetime) -> str:
    """What was seen, bad or not: the public answer, how many pods were asked, and a certificate that ends soon."""
    public = seen.public
    said = (
        f"{check.url} answers {public.status} in {public.seconds:.2f} s"
        if isinstance(public, HttpAnswer)
        else f"{check.url} {public.why}"
    )
    pods = f"; {several(len(seen.pods), 'pod')} asked beside it" if seen.pods else ""
    return f"{said}{pods}{_certificate(check, seen, now)}"


def _certificate(check: HttpCheck, seen: HttpSeen, now: datetime) -> str:
    ends = seen.certificate_ends
    if ends is None or check.tls_warning_days == 0 or ends - now > timedelta(days=check.tls_warning_days):
        return ""
    return f"; its certificate ends on {ends:%Y-%m-%d %H:%M} UTC, so renew it"


def _statuses(check: HttpCheck) -> str:
    return " or ".join(str(status) for status in check.statuses)


def _path(check: HttpCheck) -> str:
    return cut(urlsplit(check.url).path or "/", 100)
