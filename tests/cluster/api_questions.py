"""Ask the API server the few questions that starting a cluster needs, without a Kubernetes client."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.certificates import KeyPair

ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class ApiQuestions:
    """An API server at ``server`` (a URL), asked as ``user``."""

    server: str
    authority: Path
    user: KeyPair

    def is_ready(self) -> bool:
        """Tell whether /readyz says ok."""
        return self._get("/readyz") == b"ok"

    def object(self, path: str) -> dict[str, Any] | None:
        """Return the object at the API ``path``, or None if it, or the server, is not there."""
        body = self._get(path)
        return None if body is None else dict(json.loads(body))

    def _get(self, path: str) -> bytes | None:
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.user.certificate, self.user.key)
        try:
            with urllib.request.urlopen(self.server + path, timeout=ANSWER_SECONDS, context=context) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, OSError):
            return None
