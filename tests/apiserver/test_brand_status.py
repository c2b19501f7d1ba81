"""The status of a Brand on a real API server, with a real git server and registry, and the operator as a process."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, written
from apiserver.objects import brand as brand_object
from apiserver.operated_site import SETTLE, Object, Site
from brandrelease.apis.brand_status import BrandCondition, BrandConditionType, BrandStatus, EnvironmentStatus
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.apis.progress import MESSAGE_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.codegen.crd import UNSEEN
from support.fault_proxy import Request
from support.git_server import GitServer
from support.github import GitHub
from support.kubectl import Kubectl
from support.local_http import beside, http_server
from support.registry import RegistryServer
from support.slack import Slack
from support.witness import check_conditions

SECRETS = "/api/v1/namespaces/{}/secrets"
HEALS = 30.0
"""Seconds until a Brand that is not Ready is asked about again: 10 to 12, and twice that after the second time."""


def brand(site: Site) -> Object:
    return site.api.get(f"{BRANDS}/{site.name}").body


def condition(body: Object, kind: str = "Ready") -> dict[str, Any]:
    told = body.get("status", {}).get("conditions", [])
    return next((each for each in told if each["type"] == kind), {"status": None, "reason": None, "message": ""})


def becomes(site: Site, status: str, reason: str, limit: float = SETTLE) -> Object:
    """The Brand, as soon as Ready says so of its present spec."""

    def so() -> Object | None:
        body = brand(site)
        ready = condition(body)
        fits = body["status"].get("observedGeneration") == body["metadata"]["generation"] if "status" in body else False
        return body if fits and (ready["status"], ready["reason"]) == (status, reason) else None

    found = site.until(f"Brand {site.name} is Ready {status} for {reason}", so, limit)
    check_conditions(BrandStatus.model_validate(found["status"]), found["metadata"]["generation"])
    return found


def writes_status(site: Site) -> Callable[[Request], bool]:
    return lambda request: request.is_for("PUT", f"/brands/{site.name}/status")


def status_writes(site: Site, since: float = 0.0) -> list[Request]:
    return [request for request in site.proxy.since(since) if writes_status(site)(request)]


def asked_git(git: GitServer, site: Site) -> int:
    return sum("info/refs" in request and site.name in request for request in git.requests)


@pytest.fixture
def locked_git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "locked", user="ada", password="right") as server:
        yield server


def secret(api: Api, name: str, namespace: str = "builds", **values: str) -> None:
    """A Secret, made or changed."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    path = SECRETS.format(namespace)
    if api.post(path, body).code != 201:
        api.merge(f"{path}/{name}", {"data": data}).expect(200)


@pytest.fixture
def builds(api: Api) -> None:
    api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "builds"}})


def spec(site: Site, **changes: object) -> None:
    site.api.merge(f"{BRANDS}/{site.name}", {"spec": changes}).expect(200)


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_brand_is_ready_before_any_release_and_kubectl_shows_it(site: Site, kubectl: Kubectl) -> None:
    site.brand(environments=2)
    site.start()
    told = becomes(site, "True", "Succeeded")
    assert [each["type"] for each in told["status"]["conditions"]] == [
        "Ready",
        "SourceReachable",
        "RegistryReachable",
        "BuilderUsable",
    ]
    assert told["status"]["environments"] == [
        {"name": "e0", "namespace": site.name},
        {"name": "e1", "namespace": site.name},
    ]
    header, row = kubectl.run("get", "brands", site.name).splitlines()
    assert header.split() == ["NAME", "REPOSITORY", "READY", "REASON", "AGE"]
    assert row.split()[1:4] == [site.repository.url, "True", "Succeeded"]
    assert kubectl.run("wait", "brand", site.name, "--for=condition=Ready", "--timeout=5s")
    wide = kubectl.run("get", "brands", site.name, "--output", "wide")
    assert "Everything that a release needs can be reached." in wide


def test_the_first_word_on_a_new_spec_is_that_it_is_being_found_out(site: Site) -> None:
    site.brand()
    site.start()
    becomes(site, "True", "Succeeded")
    first, last = (BrandStatus.model_validate_json(_status_in(request)) for request in status_writes(site))
    assert [(each.type, each.status) for each in first.conditions] == [("Ready", "Unknown"), ("Reconciling", "True")]
    check_conditions(first, 1)
    check_conditions(last, 1)


def _status_in(request: Request) -> str:
    found = re.search(rb'"status": ?(\{"observedGeneration.*\})\}$', request.body)
    assert found, request.body
    return found[1].decode()


def test_an_environment_tells_which_brand_release_holds_it_until_that_is_gone(site: Site) -> None:
    site.brand(environments=2)
    site.start()
    becomes(site, "True", "Succeeded")

    def holds(*names: str | None) -> bool:
        return [each.get("release") for each in brand(site)["status"]["environments"]] == [*names]

    site.is_live(number=1)
    site.until("e1 is held", lambda: holds(None, "e1"), SETTLE)
    path = RELEASES.format(site.name)
    body = {"brand": site.name, "environment": "e1", "ref": "master"}
    heir = {
        "apiVersion": "brandrelease.dev/v1alpha1",
        "kind": "BrandRelease",
        "metadata": {"name": "heir"},
        "spec": body,
    }
    time.sleep(1.1)  # creationTimestamp has whole seconds, and the older one holds
    site.api.post(path, heir).expect(201)
    site.until("the heir was looked at", lambda: written(site.api.get(f"{path}/heir").body), SETTLE)
    assert holds(None, "e1")
    site.api.delete(f"{path}/e1").expect(200)
    site.until("the heir holds it", lambda: holds(None, "heir"), SETTLE)
    site.api.delete(f"{path}/heir").expect(200)
    site.until("nobody holds it", lambda: holds(None, None), SETTLE)


@pytest.mark.timeout(90, func_only=True)
@pytest.mark.usefixtures("builds")
def test_a_wrong_secret_is_told_and_heals_by_itself_after_it_was_mended(
    site: Site, locked_git: GitServer, api: Api, kubectl: Kubectl
) -> None:
    locked = locked_git.repository("drumeo")
    locked.commit({"page": "1"})
    name = f"{site.name}-git"
    secret(api, name, username="ada", password="wrong")
    site.brand()
    spec(site, source={"url": locked.url, "secretName": name})
    site.start()
    told = becomes(site, "False", "SourceAuthenticationFailed")
    assert "does not accept the login in the Secret of spec.source.secretName" in condition(told)["message"]
    assert condition(told, "SourceReachable")["status"] == "False"
    assert condition(told, "RegistryReachable")["status"] == "True"
    secret(api, name, username="ada", password="right")
    healed = becomes(site, "True", "Succeeded", HEALS)
    assert condition(healed, "SourceReachable")["status"] == "True"
    about = {"fieldSelector": f"involvedObject.name={site.name},involvedObject.kind=Brand"}
    site.until("both are Events", lambda: len(api.get("/api/v1/events", **about).expect(200)["items"]) == 2, SETTLE)
    shown = kubectl.run("describe", "brand", site.name)
    events = [line.split()[:2] for line in shown.partition("Events:")[2].splitlines()[3:]]
    assert events == [["Warning", "SourceAuthenticationFailed"], ["Normal", "Succeeded"]], shown


@pytest.mark.usefixtures("builds")
def test_a_secret_that_is_not_there_and_a_registry_that_is_down_are_told_in_their_order(site: Site) -> None:
    site.brand()
    spec(site, source={"secretName": "nowhere"}, image={"repository": "127.0.0.1:1/sites/drumeo"})
    site.start()
    told = becomes(site, "False", "SourceAuthenticationFailed")
    assert condition(told)["message"] == (
        f'There is no Secret "nowhere" in namespace "builds", which Brand {site.name} names in spec.source.secretName. '
        "Create it, or correct spec.source.secretName. One more thing is wrong: RegistryReachable."
    )
    assert condition(told, "Reconciling")["status"] == "True"
    assert condition(told, "RegistryReachable")["reason"] == "RegistryUnreachable"
    spec(site, source={"secretName": None}, image={"repository": site.image_repository})
    becomes(site, "True", "Succeeded")


@pytest.mark.usefixtures("builds")
def test_a_secret_that_the_operator_may_not_read_is_told_with_the_right_that_is_missing(site: Site) -> None:
    site.brand()
    spec(site, source={"secretName": "locked-away"})
    with site.proxy.fault(lambda request: request.is_for("GET", "/secrets/locked-away"), status=403):
        site.start()
        told = becomes(site, "False", "SecretForbidden")
    assert condition(told)["message"].startswith(
        'The operator may not read Secret "locked-away" in namespace "builds": '
    )
    assert condition(told)["message"].endswith("Allow its service account to get Secrets there.")


@pytest.mark.usefixtures("builds")
def test_build_jobs_are_tried_dry_and_none_is_made(site: Site, api: Api) -> None:
    site.brand()
    spec(site, build={"external": None, "buildKit": {}})
    site.start()
    told = becomes(site, "True", "Succeeded")
    assert condition(told, "BuilderUsable")["message"] == "The API server takes the Brand's build Jobs."
    asked = [request for request in site.proxy.since(0) if request.is_for("POST", "/builds/jobs")]
    assert {request.query.get("dryRun") for request in asked} == {"All"}
    jobs = api.get("/apis/batch/v1/namespaces/builds/jobs").expect(200)["items"]
    assert not [job for job in jobs if job["metadata"]["labels"]["brandrelease.dev/name"] == site.name]


def test_a_build_namespace_that_is_not_there_is_told_before_any_release(site: Site) -> None:
    site.brand()
    spec(site, build={"external": None, "buildKit": {}})
    site._settings["BRANDRELEASE_BUILD_NAMESPACE"] = "not-there"
    site.start()
    told = becomes(site, "False", "BuildNotStarted")
    assert 'namespaces "not-there" not found' in condition(told)["message"]


def test_a_soak_that_is_shorter_than_a_check_needs_is_warned_of_and_the_brand_is_ready(site: Site) -> None:
    site.brand(soak=10)
    site.change_environment(checks=[{"name": "home-page", "http": {"url": f"http://{site.registry.host}/"}}])
    site.start()
    told = becomes(site, "True", "Succeeded")
    assert condition(told, "SoakTooShort")["status"] == "True"
    assert "Raise soakSeconds to 35" in condition(told)["message"]
    site.change_environment(soakSeconds=35)
    site.until("the warning is gone", lambda: condition(brand(site), "SoakTooShort")["status"] is None, SETTLE)


@pytest.mark.timeout(90, func_only=True)
def test_a_brand_whose_endpoints_answer_is_ready_and_a_wrong_token_is_told_until_it_is_mended(
    site: Site, api: Api
) -> None:
    slack, github = Slack(), GitHub()
    secret(api, "slack", site.name, token=slack.token)
    secret(api, "github", site.name, token=github.token)
    site.brand()
    with beside(http_server(slack)) as at_slack, beside(http_server(github)) as hub:
        to_slack = {"channel": "#releases", "secretName": "slack", "apiUrl": f"{at_slack}/api"}
        to_github = {"repository": github.repository, "secretName": "github", "apiUrl": hub}
        both = [{"name": "slack", "slack": to_slack}, {"name": "github", "gitHub": to_github}]
        site.change_environment(notifications=both)
        site.start()
        told = becomes(site, "True", "Succeeded")
        reached = condition(told, "NotificationsReachable")
        assert (reached["status"], reached["message"]) == ("True", "Every endpoint of the notifications answers.")
        secret(api, "slack", site.name, token="xoxb-canary-wrong")
        site.change_environment(soakSeconds=1)
        told = becomes(site, "False", "EndpointUnreachable")
        assert condition(told, "NotificationsReachable")["message"] == condition(told)["message"]
        assert condition(told)["message"] == (
            'Notification "slack" of environment e0 cannot be sent: Slack has not confirmed the token in Secret "slack" '
            '(invalid_auth). Put the bot\'s token (xoxb-...) into the Secret as "token"; it needs the scope chat:write.'
        )
        secret(api, "slack", site.name, token=slack.token)
        becomes(site, "True", "Succeeded", HEALS)
    assert set(slack.calls) == {"auth.test"}
    assert set(github.calls) == {f"GET {github.repository}"}
    assert "canary" not in site.operator.last_lines(1000)


def test_the_fullest_status_is_accepted_and_read_back_the_same(api: Api) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    full = BrandStatus(
        observed_generation=1,
        conditions=tuple(
            BrandCondition(
                type=kind,
                status=ConditionStatus.No,
                reason=Reason.SourceAuthenticationFailed,
                message="世" * MESSAGE_LIMIT,
                last_transition_time=moment,
                observed_generation=1,
            )
            for kind in BrandConditionType
        ),
        environments=tuple(
            EnvironmentStatus(name=f"{number:063}", namespace="n" * 127, release="r" * 253) for number in range(32)
        ),
    )
    api.post(BRANDS, brand_object({"metadata.name": "full"})).expect(201)
    api.merge(f"{BRANDS}/full/status", {"status": full.to_wire()}).expect(200)
    stored = api.get(f"{BRANDS}/full").expect(200)["status"]
    assert stored == full.to_wire()
    assert BrandStatus.model_validate(stored) == full


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_nothing_is_asked_or_written_twice_while_nothing_changes(site: Site, git: GitServer) -> None:
    site.brand()
    site.start()
    becomes(site, "True", "Succeeded")
    commit = site.is_live()
    site.until("e0 is held", lambda: brand(site)["status"]["environments"][0].get("release") == "e0", SETTLE)
    asked, written, start = asked_git(git, site), len(status_writes(site)), time.monotonic()
    site.say("requestedAt", "again")
    site.until("it was heard", lambda: site.status()["lastHandled"].get("requestedAt") == "again", SETTLE)
    site.becomes_live(commit)
    assert asked_git(git, site) - asked <= 4, "the release asks git, the Brand does not"
    assert status_writes(site, start) == []
    assert len(status_writes(site)) == written <= 4


def test_somebody_who_marks_the_brand_gets_a_fresh_answer_that_writes_nothing(site: Site, git: GitServer) -> None:
    site.brand()
    site.start()
    before = becomes(site, "True", "Succeeded")
    asked, start = asked_git(git, site), time.monotonic()
    mark = {"metadata": {"annotations": {"brandrelease.dev/requestedAt": "now"}}}
    site.api.merge(f"{BRANDS}/{site.name}", mark).expect(200)
    site.until("git was asked", lambda: asked_git(git, site) > asked, SETTLE)
    time.sleep(1)  # that nothing is written can only be waited for
    assert status_writes(site, start) == []
    assert brand(site)["status"] == before["status"]


def test_a_restart_asks_nobody_at_once_and_writes_nothing(site: Site, git: GitServer) -> None:
    site.brand()
    site.start()
    becomes(site, "True", "Succeeded")
    site.operator.kill()
    asked, start = asked_git(git, site), time.monotonic()
    site.start()
    read = site.until(
        "the Brand was read",
        lambda: [each for each in site.proxy.since(start) if each.is_for("GET", f"/brands/{site.name}")],
        SETTLE,
    )
    assert read
    time.sleep(1)
    assert status_writes(site, start) == []
    assert asked_git(git, site) == asked


def test_a_conflict_on_the_status_is_looked_at_again(site: Site) -> None:
    site.brand()
    site.start()
    becomes(site, "True", "Succeeded")
    mark = {"metadata": {"annotations": {"example.com/by": "somebody"}}}
    path = f"{BRANDS}/{site.name}"
    with site.proxy.fault(writes_status(site), before=lambda: site.api.merge(path, mark), times=1) as conflict:
        spec(site, image={"repository": f"{site.registry.host}/sites/other"})
        told = becomes(site, "True", "Succeeded")
    assert [request.status for request in conflict.met] == [409]
    assert "/sites/other." in condition(told, "RegistryReachable")["message"]


def test_a_brand_that_is_deleted_is_forgotten_and_one_of_its_name_is_told_anew(site: Site) -> None:
    site.brand()
    site.start()
    body = becomes(site, "True", "Succeeded")
    site.api.delete(f"{BRANDS}/{site.name}").expect(200)
    start = time.monotonic()
    time.sleep(1)
    assert status_writes(site, start) == []
    fresh = {key: body[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": site.name}}
    site.api.post(BRANDS, fresh).expect(201)
    becomes(site, "True", "Succeeded")


def test_brands_of_other_namespaces_are_left_to_their_operators(site: Site, registry: RegistryServer) -> None:
    site.brand()
    other = f"{site.name}-other"
    body = brand(site)
    foreign = {key: body[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": other}}
    foreign["spec"] = foreign["spec"] | {"environments": [{"name": "e0", "namespace": "elsewhere"}]}
    site.api.post(BRANDS, foreign).expect(201)
    site.start()
    becomes(site, "True", "Succeeded")
    assert site.api.get(f"{BRANDS}/{other}").expect(200)["status"] == UNSEEN
