"""GitHub: a status of the commit, and a deployment with its statuses."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from brandrelease.adapters.notify.sender import Answer, Busy, HttpSender, Trouble, seconds_until, text_of, told, trouble
from brandrelease.apis.notifications import GitHub, Stage
from brandrelease.core.telling.notice import Notice
from brandrelease.core.words import cut
from brandrelease.ports import NotTaken, Secret, Taken

COMMIT_STATES: Final = {
    Stage.Started: "pending",
    Stage.Migrating: "pending",
    Stage.Deploying: "pending",
    Stage.Verifying: "pending",
    Stage.RollingBack: "failure",
    Stage.NeedsSomebody: "error",
    Stage.Live: "success",
    Stage.RolledBack: "failure",
    Stage.Failed: "failure",
    Stage.Superseded: "error",
    Stage.Aborted: "error",
}
"""GitHub has four. A release that was given up says nothing about its commit, so it is no failure of it."""

DEPLOYMENT_STATES: Final = {
    Stage.Started: "queued",
    Stage.Migrating: "in_progress",
    Stage.Deploying: "in_progress",
    Stage.Verifying: "in_progress",
    Stage.RollingBack: "in_progress",
    Stage.NeedsSomebody: "error",
    Stage.Live: "success",
    Stage.RolledBack: "failure",
    Stage.Failed: "failure",
    Stage.Superseded: "inactive",
    Stage.Aborted: "inactive",
}
TASK: Final = "deploy:brandrelease"
_SAID: Final = 150


class GitHubNotifier:
    """The port `Notifier` for GitHub."""

    def __init__(self, http: HttpSender) -> None:
        self._http = http

    async def tell(self, notice: Notice, secret: Secret) -> Taken | NotTaken:
        """Status, deployment, status of the deployment; known_as is repository#deployment."""
        github = notice.to.endpoint
        assert isinstance(github, GitHub), "notifiers are chosen by the endpoint"  # noqa: S101
        return await told(_host(github), secret, lambda: self._tell(github, secret, notice))

    async def trouble(self, github: GitHub, secret: Secret) -> str | None:
        """Why nothing can be written, as far as GitHub tells to who reads: not whether the token may write."""
        return await trouble(_host(github), secret, lambda: _Calls(self._http, github, secret).see_repository())

    async def _tell(self, github: GitHub, secret: Secret, notice: Notice) -> str:
        calls = _Calls(self._http, github, secret)
        link = {"target_url": github.url} if github.url else {}
        status = {
            "state": COMMIT_STATES[notice.stage],
            "context": f"brandrelease/{notice.brand}/{notice.environment}",
            "description": notice.brief,
        }
        await calls.post(f"statuses/{quote(notice.commit or '')}", status | link)
        deployment = _known(github, notice) or await _found(calls, notice) or await _made(calls, notice)
        page = {"environment_url": github.url, "log_url": github.url} if github.url else {}
        state = {"state": DEPLOYMENT_STATES[notice.stage], "description": notice.brief}
        await calls.post(f"deployments/{deployment}/statuses", state | page)
        return f"{github.repository}#{deployment}"


class _Calls:
    """Requests to one repository; raise Trouble."""

    def __init__(self, http: HttpSender, github: GitHub, secret: Secret) -> None:
        """Raises Trouble where the Secret has no token."""
        self._http, self._github = http, github
        token = text_of(secret, github.secret_name, "token")
        if token is None:
            raise Trouble(
                f'Secret "{github.secret_name}" has no "token". Put a token into it that may write commit statuses and deployments of {github.repository}.'
            )
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._ask("POST", path, json.dumps(body).encode())

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, None)

    async def see_repository(self) -> None:
        """That there is one, and that the token is let see it."""
        answer = await self._send("GET", "", None)
        if not answer.is_ok:
            raise self._refused(answer, f"does not show {self._github.repository} to the token")
        if not isinstance(answer.fields().get("full_name"), str):
            raise Trouble(f"{answer.host} has answered with something that GitHub does not say. Look at apiUrl.")

    async def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        answer = await self._send(method, f"/{path}", body)
        if not answer.is_ok:
            raise self._refused(answer, f"has refused to be told of {self._github.repository}")
        return answer.json()

    async def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        url = f"{self._github.api_url.rstrip('/')}/repos/{self._github.repository}{path}"
        return await self._http.send(method, url, self._headers | {"Content-Type": "application/json"}, body)

    def _refused(self, answer: Answer, what: str) -> Trouble:
        if (pause := _limit_ends(answer)) is not None:
            return Busy("GitHub's limit of requests with this token is used up. It is tried again.", pause)
        said = cut(str(answer.fields().get("message", "")), _SAID)
        match answer.status:
            case 401:
                way_on = f'The token in Secret "{self._github.secret_name}" is not valid, or has expired. Put a new one there.'
            case 403 | 404:
                way_on = "Is the repository's name right, and may the token write its commit statuses and deployments?"
            case 422:
                way_on = "Is the commit in that repository?"
            case _:
                way_on = "It is tried again."
        return Trouble(f"GitHub {what} (HTTP {answer.status}{': ' + said if said else ''}). {way_on}")


def _host(github: GitHub) -> str:
    return urlsplit(github.api_url).hostname or "GitHub"


def _limit_ends(answer: Answer) -> float | None:
    """Seconds until the token may be used again, where its limit of requests is used up."""
    reset = answer.headers.get("X-RateLimit-Reset", "")
    if answer.headers.get("X-RateLimit-Remaining") != "0" or not (reset.isascii() and reset.isdigit()):
        return None
    return seconds_until(datetime.fromtimestamp(int(reset[:10]), UTC), answer.headers)


def _known(github: GitHub, notice: Notice) -> str | None:
    repository, _, deployment = (notice.known_as or "").rpartition("#")
    return deployment if repository == github.repository and deployment.isdigit() else None


async def _found(calls: _Calls, notice: Notice) -> str | None:
    """The deployment of this release, if it was made and the answer was lost."""
    query = f"sha={quote(notice.commit or '')}&environment={quote(_environment(notice))}&task={quote(TASK, safe='')}"
    listed = await calls.get(f"deployments?{query}&per_page=30")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and _payload(each) == _mark(notice):
            return _number(each)
    return None


async def _made(calls: _Calls, notice: Notice) -> str:
    """No check of the commit is required and nothing merged: whether it is released was decided elsewhere."""
    body: dict[str, Any] = {
        "ref": notice.commit,
        "task": TASK,
        "auto_merge": False,
        "required_contexts": [],
        "payload": _mark(notice),
        "environment": _environment(notice),
        "description": cut(f"Release {notice.number} of {notice.brand} to {notice.environment}", 140),
        "production_environment": notice.environment == "production",
    }
    return _number(await calls.post("deployments", body))


def _environment(notice: Notice) -> str:
    """One repository may be many brands'."""
    return f"{notice.brand}-{notice.environment}"


def _mark(notice: Notice) -> dict[str, Any]:
    return {"uid": notice.uid, "release": notice.number}


def _payload(deployment: Mapping[str, Any]) -> Any:
    """GitHub gives back what it was given, or the JSON text of it."""
    payload = deployment.get("payload")
    try:
        return json.loads(payload) if isinstance(payload, str) else payload
    except (ValueError, RecursionError):
        return None


def _number(deployment: Any) -> str:
    number = deployment.get("id") if isinstance(deployment, dict) else None
    if not isinstance(number, int):
        raise Trouble("GitHub has answered without saying which deployment it has made. It is tried again.")
    return str(number)
