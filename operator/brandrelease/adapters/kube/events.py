"""The ports `Announcer` and `BrandAnnouncer`: Events, which `kubectl describe` and `kubectl get events` show.

They are written as core/v1, not as events.k8s.io/v1: only there can one say how often and when last, in the fields that
kubectl reads.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from brandrelease.adapters.kube.api import EVENTS, ApiError, KubeApi
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.wellknown import API_VERSION, FIELD_MANAGER
from brandrelease.core.actions import Announcement
from brandrelease.core.brands.seen import SeenBrand
from brandrelease.core.words import cut_middle
from brandrelease.ports import Clock

log = structlog.get_logger(__name__)

Json = dict[str, Any]

ALREADY_EXISTS: Final = 409
MESSAGE_SIZE: Final = 1024
"""Bytes that the API allows for the message of an Event (k8s.io/api/events/v1, `note`)."""

WITHOUT_NAMESPACE: Final = "default"
"""Where the API server wants Events about objects that are in no namespace."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an Event is about. namespace: empty for what is in none."""

    kind: str
    namespace: str
    name: str
    uid: str


class KubeAnnouncer:
    """Writes Events. One that says the same as before is the same Event, counted once more."""

    def __init__(self, api: KubeApi, clock: Clock, instance: str) -> None:
        """instance: name of this replica."""
        self._api, self._clock, self._instance = api, clock, instance

    async def announce(self, release: BrandRelease, announcement: Announcement) -> None:
        """Tell it; never raises ApiError."""
        await self._announce(Subject("BrandRelease", release.namespace, release.name, release.uid), announcement)

    async def announce_brand(self, seen: SeenBrand, announcement: Announcement) -> None:
        """Tell it; never raises ApiError."""
        await self._announce(Subject("Brand", "", seen.name, seen.uid), announcement)

    async def _announce(self, subject: Subject, announcement: Announcement) -> None:
        body = event_body(subject, announcement, self._clock.now(), self._instance)
        try:
            await self._tell(body["metadata"]["namespace"], body)
        except ApiError as error:
            log.warning(
                "An Event could not be written.",
                namespace=subject.namespace,
                **{subject.kind.lower(): subject.name},
                reason=announcement.reason,
                error=error.message,
            )

    async def _tell(self, namespace: str, body: Json) -> None:
        try:
            await self._api.create(EVENTS, namespace, body)
        except ApiError as error:
            if error.status != ALREADY_EXISTS:
                raise
            await self._count(namespace, body)

    async def _count(self, namespace: str, body: Json) -> None:
        """Once more. Only one worker has this BrandRelease in hand, so nobody counts at the same time."""
        name = body["metadata"]["name"]
        before = await self._api.get(EVENTS, namespace, name)
        if before is None:  # its hour was over in this very moment
            await self._api.create(EVENTS, namespace, body)
            return
        again = {"count": (before.get("count") or 0) + 1, "lastTimestamp": body["lastTimestamp"]}
        await self._api.merge(EVENTS, namespace, name, again)


def event_body(subject: Subject, announcement: Announcement, now: datetime, instance: str) -> Json:
    """The Event. A long message keeps its beginning, which says what happened, and its end, where a log has the cause."""
    told = f"{subject.uid}\0{announcement.reason}\0{announcement.message}"
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{subject.name[:200].rstrip('-.')}.{hashlib.sha256(told.encode()).hexdigest()[:16]}",
            "namespace": subject.namespace or WITHOUT_NAMESPACE,
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": subject.kind,
            "name": subject.name,
            **({"namespace": subject.namespace} if subject.namespace else {}),
            "uid": subject.uid,
        },
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.reason,
        "message": cut_middle(announcement.message, MESSAGE_SIZE),
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": instance,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
