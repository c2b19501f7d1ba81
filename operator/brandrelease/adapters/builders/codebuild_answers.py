"""CodeBuild's JSON, read into what the core understands. Nothing in an answer is relied on to be there."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from brandrelease.core.builds.codebuild import BuildPhase, CodeBuildView
from brandrelease.core.builds.images import BuildOrder, build_name
from brandrelease.core.plain import line

KEY, ATTEMPT, BRAND = "BR_KEY", "BR_ATTEMPT", "BRAND"
"""Environment variables by which a build is told from others when its id is lost."""

DIGEST: Final = "IMAGE_DIGEST"
"""What a buildspec exports: the digest of the image that it has pushed."""

_LOWEST_MINUTES, _HIGHEST_MINUTES = 5, 2160
"""CodeBuild's bounds for timeouts."""

_URL_LIMIT: Final = 1024
_NUMBER: Final = re.compile("[0-9]{1,9}")


def variables(order: BuildOrder) -> list[dict[str, str]]:
    """What the build is told. Anyone who may see the build may read it."""
    told = {
        KEY: order.key,
        ATTEMPT: str(order.attempt),
        BRAND: order.brand,
        "GIT_COMMIT": order.commit,
        "IMAGE_REPO": order.repository,
        "IMAGE_TAG": order.tag,
    }
    return [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in told.items()]


def minutes(timeout_seconds: int) -> int:
    """A timeout as CodeBuild takes it: whole minutes, and no fewer than it allows."""
    return max(_LOWEST_MINUTES, min(_HIGHEST_MINUTES, -(-timeout_seconds // 60)))


def name_in(build: Mapping[str, Any]) -> str | None:
    """The name of the order that this build carries out; None for builds that are not the operator's."""
    told = _pairs(build.get("environment", {}).get("environmentVariables", ()))
    if not told.get(KEY) or not _NUMBER.fullmatch(told.get(ATTEMPT, "")):
        return None
    return build_name(told.get(BRAND, ""), told[KEY], int(told[ATTEMPT]))


def view_of(build: Mapping[str, Any]) -> CodeBuildView:
    """The build as CodeBuild describes it now."""
    ended = bool(build.get("buildComplete")) or build.get("buildStatus", "IN_PROGRESS") != "IN_PROGRESS"
    link = build.get("logs", {}).get("deepLink")
    return CodeBuildView(
        id=line(str(build["id"])),
        status=str(build.get("buildStatus", "IN_PROGRESS")),
        phases=tuple(_phase(phase) for phase in build.get("phases", ())),
        current_phase=line(str(build.get("currentPhase", ""))),
        started_at=_time(build.get("startTime")),
        ended_at=_time(build.get("endTime")) if ended else None,
        logs_url=str(link) if link and len(link) <= _URL_LIMIT and str(link).isprintable() else None,
        digest=_pairs(build.get("exportedEnvironmentVariables", ())).get(DIGEST) or None,
        commit=line(str(commit)) if (commit := build.get("resolvedSourceVersion")) is not None else None,
    )


def log_of(build: Mapping[str, Any]) -> tuple[str, str] | None:
    """Group and stream of its log; there is none before the build has a machine."""
    logs = build.get("logs", {})
    group, stream = logs.get("groupName"), logs.get("streamName")
    return (str(group), str(stream)) if group and stream else None


def _phase(phase: Mapping[str, Any]) -> BuildPhase:
    contexts = [context.get("message") or context.get("statusCode") or "" for context in phase.get("contexts", ())]
    return BuildPhase(
        line(str(phase.get("phaseType", ""))), str(phase.get("phaseStatus", "")), " ".join(filter(None, contexts))
    )


def _pairs(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(entry.get("name")): str(entry.get("value", "")) for entry in entries}


def _time(moment: Any) -> datetime | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None
