"""GitHub's REST API as far as commit statuses and deployments go, and that the repository is there."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

COMMIT_STATES = frozenset({"error", "failure", "pending", "success"})
DEPLOYMENT_STATES = frozenset({"error", "failure", "inactive", "in_progress", "queued", "pending", "success"})
DESCRIPTION_LIMIT = 140
Json = dict[str, Any]


@dataclass
class GitHub:
    """A repository with commits. `trouble`: what the next calls answer instead, each once; None: as if nothing were."""

    repository: str = "example-org/drumeo"
    token: str = "github_pat_canary0123456789abcdef"
    commits: set[str] = field(default_factory=set)
    statuses: list[Json] = field(default_factory=list)
    deployments: list[Json] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    trouble: list[web.Response | None] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.partition("/repos/")[2].removeprefix(f"{self.repository}/")
        self.calls.append(f"{request.method} {path}")
        if self.trouble and (instead := self.trouble.pop(0)) is not None:
            return instead
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "Bad credentials")
        if request.method == "GET" and path == self.repository:
            return web.json_response({"id": 1, "full_name": self.repository, "private": True})
        if f"/repos/{self.repository}/" not in request.path:
            return _error(404, "Not Found")
        if request.method == "GET" and path == "deployments":
            return web.json_response(self._list(request))
        return self._post(path.split("/"), await request.json())

    def _list(self, request: web.Request) -> list[Json]:
        wanted = {key: request.query[key] for key in ("sha", "environment", "task") if key in request.query}
        return [each for each in reversed(self.deployments) if wanted.items() <= each.items()]

    def _post(self, path: list[str], body: Json) -> web.Response:
        if len(body.get("description") or "") > DESCRIPTION_LIMIT:
            return _error(422, "Validation Failed")
        match path:
            case ["statuses", commit] if body["state"] in COMMIT_STATES and commit in self.commits:
                self.statuses.append(body | {"sha": commit})
                return web.json_response(self.statuses[-1], status=201)
            case ["deployments"] if body["ref"] in self.commits:
                made = body | {"id": 1000 + len(self.deployments), "sha": body["ref"], "statuses": []}
                self.deployments.append(made)
                return web.json_response(made, status=201)
            case ["deployments", number, "statuses"] if body["state"] in DEPLOYMENT_STATES:
                for each in self.deployments:
                    if each["id"] == int(number):
                        each["statuses"].append(body)
                        return web.json_response({"id": 1}, status=201)
                return _error(404, "Not Found")
            case _:
                return _error(422, "No commit found for SHA")


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message, "documentation_url": "https://docs.github.com/rest"}, status=status)
