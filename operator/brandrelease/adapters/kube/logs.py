"""The end of a container's log without the values of the Secrets that its pod uses."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any, Final

from brandrelease.adapters.kube.api import PODS, SECRETS, ApiError, KubeApi
from brandrelease.core.scrubbing.scrub import last_lines, scrub

Json = dict[str, Any]

SECONDS: Final = 2.0
"""For all of it. Evidence is worth a moment, and not worth holding a rollback up."""

LINES_READ: Final = 200
"""More than are kept: a secret of several lines that begins before the kept ones is then still seen whole."""

CHARACTERS_READ: Final = 131_072
SECRETS_READ: Final = 32

_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


class _Unreadable(Exception):
    """The values of a Secret cannot be known; the message says why, and what to do."""


async def log_tail(api: KubeApi, namespace: str, pod: str, container: str, *, previous: bool = False) -> str:
    """The last 20 lines of a container's log, at most 2 KiB, without secrets.

    Empty where there is none or it cannot be had within 2 seconds. Where a Secret of the pod cannot be read, a sentence
    says so instead: what the operator does not know it cannot take out.
    """
    try:
        async with asyncio.timeout(SECONDS):
            body = await api.get(PODS, namespace, pod)
            if body is None:
                return ""
            log, values = await asyncio.gather(
                _end_of_log(api, namespace, pod, {"container": container, "previous": str(previous).lower()}),
                _values(api, namespace, secret_names(body["spec"])),
            )
    except (ApiError, TimeoutError):
        return ""
    if not log:
        return ""
    return f"The log is withheld: {values}" if isinstance(values, str) else last_lines(scrub(log, values))


def secret_names(pod: Json) -> tuple[str, ...]:
    """Names of the Secrets whose values the containers of a pod can see, as files or as environment; sorted.

    pod: the spec of the pod. What it pulls its images with is not among them: no container sees that.
    """
    found = {*_of_volumes(pod), *(name for kind in _CONTAINERS for each in pod.get(kind) or () for name in _of(each))}
    return tuple(sorted(found))


def _of_volumes(pod: Json) -> Iterator[str]:
    for volume in pod.get("volumes") or ():
        if "secret" in volume:
            yield volume["secret"]["secretName"]
        for source in volume.get("projected", {}).get("sources") or ():
            if "secret" in source:
                yield source["secret"]["name"]


def _of(container: Json) -> Iterator[str]:
    for source in container.get("envFrom") or ():
        if "secretRef" in source:
            yield source["secretRef"]["name"]
    for variable in container.get("env") or ():
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield reference["name"]


async def _end_of_log(api: KubeApi, namespace: str, pod: str, query: dict[str, str]) -> str:
    """What was logged last, in whole lines; empty where there is nothing to be had."""
    try:
        log = await api.log(namespace, pod, query | {"tailLines": str(LINES_READ)}, SECONDS)
    except (ApiError, TimeoutError):
        return ""
    end = log[-CHARACTERS_READ:]
    return end if end == log else end.partition("\n")[2] or end


async def _values(api: KubeApi, namespace: str, names: tuple[str, ...]) -> list[str] | str:
    """The values of all these Secrets; or, as text, why they cannot be known."""
    if len(names) > SECRETS_READ:
        return f"its pod uses {len(names)} Secrets, and no more than {SECRETS_READ} are read to take their values out of a log."
    answers = await asyncio.gather(*(_secret(api, namespace, name) for name in names), return_exceptions=True)
    values: list[str] = []
    for answer in answers:
        match answer:
            case _Unreadable():
                return str(answer)
            case BaseException():
                raise answer
            case _:
                values += answer
    return values


async def _secret(api: KubeApi, namespace: str, name: str) -> list[str]:
    """The values of a Secret; none if there is no such Secret. Raises _Unreadable."""
    try:
        body = await api.get(SECRETS, namespace, name)
    except ApiError as error:
        what = f'Secret "{name}" cannot be read, so its values could not be taken out'
        if error.status == 403:  # noqa: PLR2004 - HTTP
            raise _Unreadable(f'{what}. Allow the operator to "get" secrets in namespace "{namespace}".') from error
        raise _Unreadable(f"{what}: {error.message}") from error
    return [base64.b64decode(value).decode(errors="ignore") for value in ((body or {}).get("data") or {}).values()]
