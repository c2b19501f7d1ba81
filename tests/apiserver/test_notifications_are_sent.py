"""The operator as a process tells real HTTP servers, through its Secrets and its status, also if it is killed meanwhile."""

import asyncio
import base64
import json
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from apiserver.json_api import Api
from apiserver.operated_site import SETTLE, Object, Site
from support.github import GitHub
from support.local_http import beside, http_server, raw_server
from support.slack import Slack

pytestmark = pytest.mark.timeout(75, func_only=True)


def secret(api: Api, namespace: str, name: str, **data: str) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
    api.post(f"/api/v1/namespaces/{namespace}/secrets", body).expect(201)


def slack_at(url: str) -> Object:
    return {"name": "slack", "slack": {"channel": "#releases", "secretName": "slack", "apiUrl": f"{url}/api"}}


def known(site: Site, name: str) -> Object:
    return next((each for each in site.status().get("notifications", []) if each["name"] == name), {})


def knows(site: Site, name: str, stage: str) -> bool:
    return known(site, name).get("stage") == stage


def failures_told(site: Site) -> list[str]:
    """The types of the Events about it."""
    events = site.api.get(f"/api/v1/namespaces/{site.name}/events").expect(200)["items"]
    return [event["type"] for event in events if event["reason"] == "NotificationFailed"]


class AnyCommit(set[str]):
    """A repository that has every commit."""

    def __contains__(self, _: object) -> bool:
        return True


class Inbox:
    def __init__(self) -> None:
        self.events: list[Any] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            self.events.append(json.loads(await request.read()))
        return web.Response(status=204)


def test_slack_a_webhook_and_github_are_told_of_a_release_and_a_killed_operator_goes_on_with_the_same_message(
    site: Site,
) -> None:
    slack, inbox, github = Slack(), Inbox(), GitHub(commits=AnyCommit())
    secret(site.api, site.name, "slack", token=slack.token)
    secret(site.api, site.name, "hook", key="whsec_" + base64.b64encode(b"k" * 32).decode())
    secret(site.api, site.name, "github", token=github.token)
    with beside(http_server(slack)) as at_slack, beside(http_server(inbox)) as hook, beside(http_server(github)) as hub:
        to_github = {"repository": github.repository, "secretName": "github", "apiUrl": hub}
        site.brand(soak=4)
        site.change_environment(
            notifications=[
                slack_at(at_slack),
                {"name": "hook", "webhook": {"url": f"{hook}/in", "secretName": "hook"}},
                {"name": "github", "gitHub": to_github},
            ]
        )
        site.start()
        commit = site.push("master")
        site.release("master")
        site.until("Slack knows that it is watched", lambda: knows(site, "slack", "Verifying"), SETTLE)
        site.operator.kill()
        site.start()
        site.becomes_live(commit)
        for name in ("slack", "hook", "github"):
            site.until(f"{name} knows that it is live", partial(knows, site, name, "Live"), SETTLE)
        metrics = site.operator.get("/metrics")
    (message,) = slack.messages
    assert message.text == f"{site.name} e0: release 1 ({commit[:12]}) is live"
    assert known(site, "slack")["id"] == f"C0RELEASES/{message.ts}"
    assert inbox.events[-1]["type"] == "dev.brandrelease.release.live"
    assert {event["data"]["commit"] for event in inbox.events} == {commit}
    (deployment,) = github.deployments
    assert (github.statuses[-1]["state"], deployment["statuses"][-1]["state"]) == ("success", "success")
    assert 'brandrelease_notifications_total{kind="slack",result="taken"}' in metrics
    assert slack.token not in site.operator.last_lines(1000)


def test_an_endpoint_that_hangs_holds_no_release_up_and_is_told_when_it_is_back(site: Site) -> None:
    async def hang(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    slack = Slack()
    secret(site.api, site.name, "slack", token=slack.token)
    with beside(raw_server(hang)) as hangs, beside(http_server(slack)) as answers:
        site.brand()
        site.change_environment(notifications=[slack_at(hangs)])
        site.start()
        site.is_live()
        assert "problem" not in known(site, "slack"), "it was live before the endpoint had its 10 seconds"
        site.until("the trouble is told", lambda: known(site, "slack").get("problem"), SETTLE)
        assert known(site, "slack")["problem"] == "127.0.0.1 did not answer within 10 seconds. It is tried again."
        site.until("it is an Event", lambda: failures_told(site) == ["Warning"], SETTLE)  # which follows the status
        site.change_environment(notifications=[slack_at(answers)])
        site.until("it knows", lambda: knows(site, "slack", "Live"), SETTLE)
    assert "problem" not in known(site, "slack")
    assert len(slack.messages) == 1


def test_a_secret_that_is_not_there_is_told_of_and_the_release_is_live(site: Site) -> None:
    site.brand()
    site.change_environment(notifications=[slack_at("http://127.0.0.1:9")])
    site.start()
    site.is_live()
    problem = site.until("it is told", lambda: known(site, "slack").get("problem"), SETTLE)
    assert problem.startswith('There is no Secret "slack" in the operator\'s namespace')
