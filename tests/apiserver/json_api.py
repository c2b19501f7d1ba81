"""Requests to the API server with nothing in between, so that a test sees exactly what the server answers."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import config

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    code: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """The sentence in a refusal, as kubectl prints it."""
        return str(self.body.get("message", ""))

    @property
    def causes(self) -> list[dict[str, str]]:
        """What is wrong, field by field."""
        return list((self.body.get("details") or {}).get("causes") or [])

    def expect(self, code: int) -> dict[str, Any]:
        """The body, if this is the answer that was expected."""
        assert self.code == code, f"{self.code}: {self.message}"
        return self.body


class Api:
    """An API server, spoken to in JSON. Unknown fields are refused, as kubectl asks the server to."""

    def __init__(self, kubeconfig: Path, user: str | None = None) -> None:
        """user: on whose behalf the administrator asks, with that user's rights."""
        self._headers = {"Impersonate-User": user} if user else {}
        client = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        where = client.configuration
        self._url = where.host
        self._pool = urllib3.PoolManager(
            cert_file=where.cert_file, key_file=where.key_file, ca_certs=where.ssl_ca_cert, timeout=30.0, retries=False
        )

    def get(self, path: str, **query: str) -> Answer:
        """Read."""
        return self._request("GET", path, query)

    def post(self, path: str, body: dict[str, Any], **query: str) -> Answer:
        """Create."""
        return self._request("POST", path, {"fieldValidation": "Strict"} | query, body)

    def put(self, path: str, body: dict[str, Any], **query: str) -> Answer:
        """Replace the whole object."""
        return self._request("PUT", path, {"fieldValidation": "Strict"} | query, body)

    def merge(self, path: str, body: dict[str, Any], **query: str) -> Answer:
        """Change some fields, as a person with kubectl does."""
        return self._request("PATCH", path, {"fieldValidation": "Strict"} | query, body, MERGE)

    def apply(self, path: str, body: dict[str, Any], manager: str, *, force: bool = False) -> Answer:
        """Server-side apply: `body` is all that `manager` wants to own."""
        query = {"fieldManager": manager, "fieldValidation": "Strict"} | ({"force": "true"} if force else {})
        return self._request("PATCH", path, query, body, APPLY)

    def delete(self, path: str) -> Answer:
        """Delete at once."""
        return self._request("DELETE", path, {"gracePeriodSeconds": "0", "propagationPolicy": "Background"})

    def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        url = f"{self._url}{path}?{urlencode(query)}"
        text = None if body is None else json.dumps(body).encode()
        response = self._pool.request(method, url, body=text, headers={"Content-Type": content_type, **self._headers})
        return Answer(response.status, json.loads(response.data))
