"""The operator's own requests, as the proxy has seen them: how many, and whether each write was where it may be."""

import re
from collections import Counter
from typing import Final

from soak.player import BUILDS
from soak.sites import BYSTANDERS
from support.fault_proxy import FaultProxy, Request

_BRANDS: Final = r"/apis/brandrelease\.dev/v1alpha1"
_SOAK: Final = r"namespaces/soak-b\d+"

ALLOWED: Final = (
    ("PUT|PATCH", rf"{_BRANDS}/{_SOAK}/brandreleases/e\d/status"),
    ("PUT|PATCH", rf"{_BRANDS}/namespaces/{BYSTANDERS}/brandreleases/e\d/status"),
    ("PUT|PATCH", rf"{_BRANDS}/brands/b\d+/status"),
    ("PATCH", rf"/apis/apps/v1/{_SOAK}/deployments/b\d+-e\d-deployment"),
    ("POST", rf"/apis/batch/v1/(namespaces/{BUILDS}|{_SOAK})/jobs"),
    ("DELETE", rf"/apis/batch/v1/(namespaces/{BUILDS}|{_SOAK})/jobs/[a-z0-9-]+"),
    ("POST|PATCH", rf"/api/v1/(namespaces/({BYSTANDERS}|default)|{_SOAK})/events(/.*)?"),
)
"""Everything that the operator may write. No status of a Deployment, no pod, no Secret, nothing of a bystander's."""


class Journal:
    """Takes the proxy's list away from time to time, so that it does not grow."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy, self._kept = proxy, list[Request]()
        self.total, self.writes = 0, 0
        self.codes: Counter[int] = Counter()
        self.forbidden: list[str] = []
        self.dry: int = 0

    def read(self) -> int:
        """How many requests there were since the last time."""
        finished, self._kept = self._kept, self._proxy.requests
        self._proxy.requests = []
        for request in finished:
            self._judge(request)
        self.total += len(finished)
        return len(finished)

    def _judge(self, request: Request) -> None:
        self.codes[request.status or 0] += 1
        if not request.is_write:
            return
        if "dryRun" in request.query:
            self.dry += 1
            return
        self.writes += 1
        for methods, path in ALLOWED:
            if re.fullmatch(methods, request.method) and re.fullmatch(path, request.path):
                return
        self.forbidden.append(str(request))
