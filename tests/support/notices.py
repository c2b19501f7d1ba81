"""Notices for the tests of those who send them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from brandrelease.apis.notifications import Notification, Stage
from brandrelease.apis.progress import Change
from brandrelease.apis.reasons import Reason
from brandrelease.core.telling.notice import Notice

AT = datetime(2026, 11, 27, 3, 4, 5, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def endpoint(**kind: Any) -> Notification:
    """An endpoint with one of slack, webhook and gitHub."""
    return Notification.model_validate({"name": next(iter(kind)).lower()} | kind)


def notice(to: Notification, stage: Stage = Stage.Started, **changes: Any) -> Notice:
    """A notice of release 12, as far as the stage needs it."""
    plain = Notice(
        to=to,
        told_at=AT,
        known_as=None,
        uid="0c9d7e6a-uid",
        namespace="drumeo-production",
        name="drumeo",
        brand="drumeo",
        environment="production",
        number=12,
        stage=stage,
        happened_at=AT,
        title=f"drumeo production: release 12 (0123456789ab) {stage}",
        brief=f"Release 12 {stage}.",
        facts=(("Commit", "0123456789ab of refs/heads/master"), ("Asked for by", "ada")),
        commit=COMMIT,
        ref="refs/heads/master",
        requested_by="ada",
        changes=(Change(commit=COMMIT, author="Ada", subject="Faster <pages> & more"),),
        changes_total=1,
    )
    return replace(plain, **changes)


FAILED: dict[str, Any] = {
    "why": "Container app exited with code 255 three times; its log says: PHP Fatal error.",
    "log": "starting\nPHP Fatal error: <b>no</b> such table & more",
    "look": "kubectl describe brandrelease drumeo -n drumeo-production",
    "reason": Reason.CrashLoopBackOff,
    "blame": "Release",
    "took_seconds": 312,
}
