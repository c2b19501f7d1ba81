"""The port `Check` for web pages: the public address as visitors reach it, and beside it each pod."""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable
from typing import Final

from yarl import URL

from brandrelease.adapters.checks.certificates import MakeTls, ignoring_time
from brandrelease.adapters.checks.names import Names
from brandrelease.adapters.checks.one_request import Page, Progress, Question, get
from brandrelease.adapters.checks.troubles import NoAnswer, OwnTrouble
from brandrelease.adapters.checks.visits import Tls, Visit
from brandrelease.apis.checks import HttpCheck
from brandrelease.core.checks.measured import (
    CheckOrder,
    HttpAnswer,
    HttpResult,
    HttpSeen,
    NoHttpAnswer,
    Observation,
    PodAddress,
    Unmeasured,
)
from brandrelease.ports import Clock, Secret

_BEHIND_TLS: Final = ("X-Forwarded-Proto", "https")
"""As the edge in front tells it; sites redirect to https:// otherwise."""


class WebPage:
    """Asks with connections, cookies and caches of nobody. make_tls: whom it trusts."""

    def __init__(self, names: Names, clock: Clock, make_tls: MakeTls = ssl.create_default_context) -> None:
        self._names, self._clock = names, clock
        self._tls = Tls(make_tls(), ignoring_time(make_tls))

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:  # noqa: ARG002 - the port's signature
        """Ask once; the pods at the same moment as the public address."""
        check = order.check.http
        assert check is not None, "only http checks come here"  # noqa: S101 - the wiring's promise
        try:
            url = URL(check.url).with_fragment(None)
        except ValueError:
            return Unmeasured(f"{check.url} is not an address. Correct the url of the check in the Brand.")
        visit = Visit(url, check, self._names, self._tls, self._clock)
        pods = order.pods if check.pod_port is not None else ()
        results = await asyncio.gather(
            _timed(visit.page(), visit.progress, check.timeout_seconds),
            *(self._ask_pod(pod, url, check) for pod in pods),
        )
        told: list[HttpResult] = []
        for result in results:
            if isinstance(result, Unmeasured):
                return result
            told.append(result)
        names = (pod.name for pod in pods)
        return HttpSeen(told[0], tuple(zip(names, told[1:], strict=True)), visit.certificate_ends)

    async def _ask_pod(self, pod: PodAddress, url: URL, check: HttpCheck) -> HttpResult | Unmeasured:
        """Where the edge would ask it. A redirect of a pod is its answer: it leads to the public address again."""
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        headers = (("Host", url.host_port_subcomponent or ""), *((_BEHIND_TLS,) if url.scheme == "https" else ()))
        progress = Progress()

        async def page() -> Page:
            there = URL(f"http://{host}:{check.pod_port}{url.raw_path_qs}", encoded=True)
            question = Question(there, (ipaddress.ip_address(pod.ip),), headers, check.body_contains)
            return await get(question, self._tls.strict, progress)

        return await _timed(page(), progress, check.timeout_seconds)


async def _timed(page: Awaitable[Page], progress: Progress, limit: int) -> HttpResult | Unmeasured:
    """What is told of a page that is there in time, or why it is not. limit: in seconds."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        async with asyncio.timeout(limit):
            seen = await page
    except TimeoutError:
        return _late(progress, limit)
    except NoAnswer as error:
        return NoHttpAnswer(str(error))
    except OwnTrouble as error:
        return Unmeasured(str(error))
    except (OSError, ValueError) as error:
        # Only the kind of the error: its text may repeat what somebody sent.
        return NoHttpAnswer(f"cannot be asked ({type(error).__name__})")
    return HttpAnswer(seen.status, clock() - began, seen.has_text)


def _late(progress: Progress, limit: int) -> NoHttpAnswer | Unmeasured:
    if progress.resolving:
        return Unmeasured(
            f"The name {progress.resolving} was not resolved within {limit} s. Look whether the DNS of the cluster "
            "answers the operator's pod."
        )
    if progress.answered:
        return NoHttpAnswer(f"did not come to the end of its answer within {limit} s")
    return NoHttpAnswer(f"did not answer within {limit} s")
