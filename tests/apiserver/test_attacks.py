"""Attacks on the operator, by people with real rights in one namespace. After each, the journal is read.

Nothing may have been written outside of the attacker's namespace, no Secret read that is not the Brand's own, no image
deployed but the Brand's, the other brand is as it was, and the operator still runs and has failed at nothing.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand, brand_release
from apiserver.operated_site import DEPLOYMENTS, SETTLE, Object
from apiserver.siege import JOBS, PODS, Siege, Watch
from cluster.api import ApiServer
from support.git_server import GitServer
from support.registry import RegistryServer
from support.small_site import SmallSite, Visitor

pytestmark = pytest.mark.timeout(60, func_only=True)

EVIL = "registry.evil.example/sites/rootkit@sha256:" + "e" * 64
NOW = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def siege(
    api_server: ApiServer,
    api: Api,
    git: GitServer,
    registry: RegistryServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Siege]:
    told = Siege(api_server, api, git, registry, tmp_path_factory.mktemp("siege"))
    with ExitStack() as after:
        for site in (told.victim, told.prey):
            after.callback(site.controller.end)
            after.enter_context(site.proxy)
        after.callback(lambda: told.prey.operator.kill() if hasattr(told.prey, "operator") else None)
        told.begin()
        yield told


@pytest.fixture
def watch(siege: Siege) -> Iterator[Watch]:
    """After each attack, whatever else it has shown."""
    begun = siege.watch()
    yield begun
    begun.nothing_happened_elsewhere()


# --- who may write BrandReleases in one namespace ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", RELEASES.format("{victim}"), brand_release()),
        ("merge", RELEASES.format("{victim}") + "/e0", {"spec": {"ref": "evil"}}),
        ("merge", RELEASES.format("{prey}") + "/e0/status", {"status": {"phase": "Live"}}),
        ("merge", BRANDS + "/{prey}", {"spec": {"source": {"url": "https://evil.example/x.git"}}}),
        ("post", BRANDS, brand()),
        ("merge", DEPLOYMENTS.format("{prey}") + "/{prey}-e0-deployment", {"spec": {"paused": True}}),
        ("post", JOBS.format("{prey}"), {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}}),
        ("get", "/api/v1/namespaces/{prey}/secrets/site", None),
        ("get", "/api/v1/namespaces/{builds}/secrets/{victim}-git", None),
        ("get", JOBS.format("{builds}"), None),
    ],
)
def test_the_right_to_write_brandreleases_is_no_other_right(
    siege: Siege, watch: Watch, method: str, path: str, body: Object | None
) -> None:
    place = path.format(victim=siege.victim.name, prey=siege.prey.name, builds=siege.builds)
    ask = getattr(siege.mallory, method)
    assert (ask(place) if body is None else ask(place, body)).code == 403


def test_a_release_of_another_brand_is_refused_from_this_namespace(siege: Siege, watch: Watch) -> None:
    spec = {"brand": siege.victim.name, "environment": "e0", "ref": "master"}
    siege.asks("theirs", spec).expect(201)
    assert f'only from namespace "{siege.victim.name}"' in siege.says("theirs", "NamespaceNotAllowed")
    siege.annotate("theirs", requestedAt="now", rollbackTo="1", abort="1", override="a" * 12 + " because")
    siege.says("theirs", "NamespaceNotAllowed")
    siege.withdraw("theirs")
    assert watch.applied() == []


@pytest.mark.parametrize("field", ["brand", "environment"])
@pytest.mark.parametrize(
    "name",
    ["../{victim}", "{victim}/e0", "{victim},spec.environment=e0", "{victim}\n", " {victim}", "--all", "", "%2e%2e"],
)
def test_names_that_lead_elsewhere_are_not_stored(siege: Siege, watch: Watch, field: str, name: str) -> None:
    spec = siege.spec(1) | {field: name.format(victim=siege.victim.name)}
    assert siege.asks("odd", spec).code == 422


@pytest.mark.parametrize(
    "ref",
    ["--upload-pack=touch /tmp/pwned", "-x", "ext::sh -c id", "a\nb", "a\0b", "../../etc/passwd", "a@{1}", "$(id)",
     "`id`", "a;id", "a b", "refs/heads/*", "x" * 4096, "HEAD~1", "a:b", "\x1b[31m", "file:///etc/passwd", "\u202e", ""],
)  # fmt: skip
def test_refs_that_a_program_could_misunderstand_are_not_stored(siege: Siege, watch: Watch, ref: str) -> None:
    assert siege.asks("odd", siege.spec(1, ref)).code == 422


def test_refs_that_are_stored_are_names_and_nothing_else_to_git(siege: Siege, watch: Watch) -> None:
    refs = [
        "refs/heads/--upload-pack=id",
        "%2e%2e/x",
        "a=b,c#d",
        "refs/pull/1/head",
        "f" * 40,
        "refs/heads/" + "d/" * 100 + "e",
    ]
    siege.asks("odd", siege.spec(1, "first")).expect(201)
    for ref in refs:
        siege.mallory.merge(f"{RELEASES.format(siege.prey.name)}/odd", {"spec": {"ref": ref}}).expect(200)
        assert ref in siege.says("odd", "RefNotFound")
    siege.withdraw("odd")


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        ("override", "0123456789ab <!channel> $(touch /tmp/pwned) \x1b[31m\r\nReady=True\x00".replace("\x00", "")),
        ("override", "a" * 64 + " " + "<http://evil|click> & `id` " * 100),
        ("rollbackTo", "99999999999999999999"),
        ("rollbackTo", "-1"),
        ("rollbackTo", "0x1; DROP"),
        ("rollbackTo", "\u0661\n\u202e"),
        ("abort", "1" * 10_000),
        ("abort", "{0.__class__} %s {url}"),
    ],
)
def test_verbs_that_say_anything_are_answered_and_change_nothing(
    siege: Siege, watch: Watch, verb: str, text: str
) -> None:
    before = siege.prey.deployment()["spec"]
    siege.annotate("e0", **{verb: text})
    handled = siege.prey.until(
        "it is handled", lambda: siege.prey.status()["lastHandled"].get(verb) == text[:255] or None, SETTLE
    )
    assert handled
    siege.prey.until("it is told", lambda: siege.events("VerbRefused"), SETTLE)
    assert siege.prey.deployment()["spec"] == before


def test_a_quarter_of_a_megabyte_of_annotations_fills_no_status(siege: Siege, watch: Watch) -> None:
    siege.annotate("e0", requestedAt="x" * 80_000, override="y" * 80_000, rollbackTo="z" * 80_000)
    siege.prey.until(
        "it is handled", lambda: siege.prey.status()["lastHandled"].get("requestedAt") == "x" * 255 or None, SETTLE
    )
    siege.annotate("e0", requestedAt="", override="", rollbackTo="")


def test_a_second_release_of_the_environment_never_fights(siege: Siege, watch: Watch) -> None:
    siege.asks("e0-too", siege.spec(0, "evil")).expect(201)
    assert '"e0" is older' in siege.says("e0-too", "DuplicateRelease")
    siege.withdraw("e0-too")
    assert watch.applied() == []


def test_owners_labels_and_finalizers_that_name_others_objects_move_nothing(siege: Siege, watch: Watch) -> None:
    theirs = siege.victim.deployment()["metadata"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": theirs["name"], "uid": theirs["uid"]}
    marks = {"brandrelease.dev/name": "e0", "brandrelease.dev/release": "1", "brandrelease.dev/hook": "preDeploy"}
    metadata = {"ownerReferences": [owner], "labels": marks, "finalizers": ["evil.example/never"]}
    siege.asks("owned", siege.spec(1, "nothing"), metadata).expect(201)
    siege.says("owned", "RefNotFound")
    siege.mallory.merge(f"{RELEASES.format(siege.prey.name)}/owned", {"metadata": {"finalizers": None}}).expect(200)
    siege.withdraw("owned")


def test_a_name_that_no_label_can_hold_is_told_and_is_the_end_of_it(siege: Siege, watch: Watch) -> None:
    name = ".".join(["n" * 60] * 4)
    answer = siege.asks(name, siege.spec(1))
    if answer.code == 201:
        siege.says(name, "DeploymentRefused")
        siege.withdraw(name)
    assert watch.applied() == [] or answer.code == 201


def test_a_storm_of_releases_that_come_and_go_leaves_nothing(siege: Siege, watch: Watch) -> None:
    for number in range(40):
        siege.asks(f"storm-{number}", siege.spec(1, f"nothing-{number}")).expect(201)
    for number in range(40):
        siege.withdraw(f"storm-{number}")
    siege.asks("calm", siege.spec(1, "nothing")).expect(201)
    siege.says("calm", "RefNotFound")
    siege.withdraw("calm")


FIELDS: dict[str, tuple[Any, ...]] = {
    "ref": (
        "master",
        "nothing",
        "refs/heads/master",
        "f" * 40,
        "refs/tags/v1",
        "-x",
        "a b",
        "..",
        "",
        "x" * 300,
        None,
        7,
        ["master"],
    ),
    "suspend": (True, False, False, "yes", None, 1),
    "trackIntervalSeconds": (5, 60, 86400, None, 0, -1, 10**9, "5", 2.5),
    "brand": ("victim", "{prey}", "{prey}", "{prey}"),
    "environment": ("e0", "e1", "e1", "e1"),
    "image": ("evil", {}, None),
}


def test_five_hundred_specs_at_random_are_refused_by_name_or_handled_and_the_last_one_is_released(
    siege: Siege, watch: Watch
) -> None:
    chance, path, taken = random.Random(20261127), f"{RELEASES.format(siege.prey.name)}/e1", 0
    with siege.live(1):
        for _ in range(500):
            fields = chance.sample(list(FIELDS), chance.randint(1, 3))
            spec = {field: chance.choice(FIELDS[field]) for field in fields}
            spec = {
                key: text.format(prey=siege.prey.name) if isinstance(text, str) else text for key, text in spec.items()
            }
            answer = siege.mallory.merge(path, {"spec": spec})
            assert answer.code in {200, 400, 422}, answer
            assert answer.code == 200 or any(
                f"spec.{field}" in answer.message or field in answer.message for field in fields
            )
            taken += answer.code == 200
        assert 50 < taken < 450
        last = {"ref": "refs/heads/master", "suspend": False, "trackIntervalSeconds": None}
        siege.mallory.merge(path, {"spec": last}).expect(200)
        siege.annotate("e1", requestedAt="the last one")
        siege.says("e1", "Succeeded")


# --- who may do everything in the namespace, and push commits ---------------------------------------------------------


def test_commits_that_shout_are_shown_in_one_line_each(siege: Siege, watch: Watch) -> None:
    prey = siege.prey
    subject = "<!channel> $(id) `id` \x1b[2J\x1b]0;owned\x07 \u202e & <http://evil|x>\r\nReady: True"
    commit = prey.repository.commit({"page": "x"}, subject.encode(), author="<!here>\x1b[31m\u202e <e@x>")
    prey.registry.push_image(f"sites/{prey.name}", commit, commit)
    siege.annotate("e0", requestedAt="commits that shout")
    [change] = prey.becomes_live(commit)["current"]["changes"]
    assert "<!channel> $(id) `id`" in change["subject"]


def test_marks_on_a_deployment_that_claim_a_number_beyond_all_numbers(siege: Siege, watch: Watch) -> None:
    labels = {"brandrelease.dev/release": "9" * 63, "brandrelease.dev/name": "victim"}
    siege.insider.merge(siege.prey.deployment_path(1), {"metadata": {"labels": labels}}).expect(200)
    with siege.live(1):
        assert siege.prey.status(1)["current"]["number"] == 1


@pytest.mark.parametrize("image", ["\x1b[31mnot an image\n<!channel>", "x" * 10_000, "$(id)"])
def test_what_is_no_image_in_a_deployment_is_no_way_back(siege: Siege, watch: Watch, image: str) -> None:
    path = siege.prey.deployment_path(2)
    containers = [{"name": "app", "image": image}]
    change = {"metadata": {"labels": None}, "spec": {"template": {"spec": {"containers": containers}}}}
    siege.insider.merge(path, change).expect(200)
    with siege.live(2):
        assert siege.prey.status(2)["running"]["number"] > 0


def test_a_deployment_of_a_thousand_containers_and_of_most_of_a_megabyte_is_only_looked_at(
    siege: Siege, watch: Watch
) -> None:
    prey, body = siege.prey, siege.prey.plain_deployment(2)
    body["spec"]["template"]["spec"]["containers"] = [{"name": f"c{n}", "image": "i"} for n in range(1000)]
    body["metadata"]["annotations"] = {"evil": "x" * 200_000}
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "E", "value": "y" * 700_000}]
    siege.insider.delete(prey.deployment_path(2)).expect(200)
    siege.insider.post(DEPLOYMENTS.format(prey.name), body).expect(201)
    siege.asks("e2", siege.spec(2)).expect(201)
    assert len(siege.says("e2", "ContainerAmbiguous")) <= 1024
    siege.withdraw("e2")
    siege.insider.delete(prey.deployment_path(2)).expect(200)
    siege.insider.post(DEPLOYMENTS.format(prey.name), prey.plain_deployment(2)).expect(201)


def test_deployments_jobs_and_pods_with_others_names_and_marks_concern_nobody_else(siege: Siege, watch: Watch) -> None:
    prey, victim = siege.prey, siege.victim
    marks = {"brandrelease.dev/name": "e0", "brandrelease.dev/release": "1"}
    body = prey.plain_deployment() | {"metadata": {"name": f"{victim.name}-e0-deployment", "labels": marks}}
    siege.insider.post(DEPLOYMENTS.format(prey.name), body).expect(201)
    for name, labels in {
        "br-their-build": {"brandrelease.dev/name": victim.name, "brandrelease.dev/build-key": "a" * 63},
        "e0-1-pre-12345678": {**marks, "brandrelease.dev/hook": "preDeploy"},
    }.items():
        pod = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
        job = {"metadata": {"name": name, "labels": labels}, "spec": {"template": {"spec": pod}}}
        siege.insider.post(JOBS.format(prey.name), {"apiVersion": "batch/v1", "kind": "Job", **job}).expect(201)
    spec = {"automountServiceAccountToken": False, "containers": [{"name": "app", "image": "i"}]}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    siege.insider.post(f"/api/v1/namespaces/{prey.name}/serviceaccounts", account)
    pod_body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "impostor", "labels": marks}, "spec": spec}
    siege.insider.post(PODS.format(prey.name), pod_body).expect(201)
    crashed = {"waiting": {"reason": "CrashLoopBackOff", "message": "<!channel> \x1b[31m"}}
    told = {"name": "app", "image": "i", "imageID": "", "ready": False, "restartCount": 2**31 - 1, "state": crashed}
    status = {"phase": "Running", "reason": "Evicted\n", "containerStatuses": [told]}
    siege.insider.merge(f"{PODS.format(prey.name)}/impostor/status", {"status": status}).expect(200)
    siege.asks("quiet", siege.spec(1, "nothing")).expect(201)
    siege.says("quiet", "RefNotFound")
    siege.withdraw("quiet")
    assert [str(each) for each in watch.writes() if "/apps/" in each.path or "/batch/" in each.path] == []


def test_a_job_that_sits_in_the_place_of_a_hook_is_not_taken_for_it(siege: Siege, watch: Watch) -> None:
    prey = siege.prey
    spec = siege.api.get(f"{BRANDS}/{prey.name}").expect(200)["spec"]
    hooked = [
        e | ({"hooks": {"preDeploy": {"command": ["migrate"]}}} if e["name"] == "e2" else {})
        for e in spec["environments"]
    ]
    siege.api.merge(f"{BRANDS}/{prey.name}", {"spec": {"environments": hooked}}).expect(200)
    siege.asks("e2", siege.spec(2) | {"suspend": True}).expect(201)
    siege.says("e2", "Suspended")
    number = int(prey.deployment(2)["metadata"].get("labels", {}).get("brandrelease.dev/release", "0")) + 1
    name = f"e2-{number}-pre-{siege.release('e2')['metadata']['uid'][:8]}"
    pod = {"containers": [{"name": "app", "image": EVIL}], "restartPolicy": "Never"}
    theirs = siege.victim.object()["metadata"]
    owner = {"apiVersion": "brandrelease.dev/v1alpha1", "kind": "BrandRelease", "name": "e0", "uid": theirs["uid"]}
    job = {"metadata": {"name": name, "ownerReferences": [owner]}, "spec": {"template": {"spec": pod}}}
    siege.insider.post(JOBS.format(prey.name), {"apiVersion": "batch/v1", "kind": "Job", **job}).expect(201)
    siege.mallory.merge(f"{RELEASES.format(prey.name)}/e2", {"spec": {"suspend": False}}).expect(200)
    assert "does not own; delete that Job" in siege.says("e2", "HookNotStarted")
    siege.withdraw("e2")
    siege.api.merge(f"{BRANDS}/{prey.name}", {"spec": {"environments": spec["environments"]}}).expect(200)
    assert watch.applied() == []


def test_two_brands_whose_names_join_to_the_same_deployment_do_not_fight_over_it(siege: Siege, watch: Watch) -> None:
    """`a-b` with `c` and `a` with `b-c`: their Deployments have one name by default."""
    prey = siege.prey
    other = brand(
        {
            "metadata.name": f"{prey.name}-e0",
            "spec.source.url": prey.repository.url,
            "spec.image.repository": prey.image_repository,
            "spec.build": {"external": {}},
            "spec.environments": [
                {"name": "x", "namespace": prey.name, "deployment": f"{prey.name}-e0-deployment", "soakSeconds": 0}
            ],
        }
    )
    siege.api.post(BRANDS, other).expect(201)
    siege.asks("too", {"brand": f"{prey.name}-e0", "environment": "x", "ref": "master"}).expect(201)
    assert 'belongs to BrandRelease "e0"' in siege.says("too", "DuplicateRelease")
    siege.withdraw("too")
    siege.api.delete(f"{BRANDS}/{prey.name}-e0").expect(200)
    assert watch.applied() == []


async def no_answer(_: Visitor) -> None:
    """Whoever comes is counted, and that is all."""


def test_a_git_secret_goes_nowhere_when_its_brand_is_pointed_to_another_host(siege: Siege, watch: Watch) -> None:
    prey, place = siege.prey, f"{BRANDS}/{siege.prey.name}"
    with SmallSite(no_answer) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.port}/sites.git"
        siege.api.merge(place, {"spec": {"source": {"url": url}}}).expect(200)
        siege.annotate("e0", requestedAt="from elsewhere")
        assert "is only for" in siege.says("e0", "SourceAuthenticationFailed")
        assert elsewhere.connections == 0
    siege.api.merge(place, {"spec": {"source": {"url": prey.repository.url}}}).expect(200)
    siege.annotate("e0", requestedAt="from home")
    siege.says("e0", "Succeeded")


# --- who has stolen the right to write the status -----------------------------------------------------------------------


def past(image: str, number: int) -> Object:
    end = {"startedAt": NOW, "finishedAt": NOW}
    return {
        "number": number, "commit": "b" * 40, "image": image, "outcome": "Succeeded", "reason": "Succeeded",
        "message": "It was live.", **end,
    }  # fmt: skip


def in_flight(**more: Any) -> Object:
    return {"number": 7, "ref": "refs/heads/master", "commit": "c" * 40, "startedAt": NOW, "image": EVIL, **more}


FORGED: dict[str, Object] = {
    "a release that is built": {"current": in_flight()},
    "a release that is being deployed": {"current": in_flight(rollout={"startedAt": NOW})},
    "a rollback": {
        "current": in_flight(
            rollout={"startedAt": NOW}, rollback={"number": 6, "commit": "b" * 40, "image": EVIL, "startedAt": NOW}
        )
    },
    "a rollback to what was found": {
        "current": in_flight(rollout={"startedAt": NOW}, rollback={"number": 0, "image": EVIL, "startedAt": NOW})
    },
    "a release that is prepared": {"next": in_flight()},
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_status_never_brings_an_image_from_elsewhere(siege: Siege, watch: Watch, what: str) -> None:
    with siege.live(1) as name:
        siege.forge(name, FORGED[what])
        siege.says(name, "ImageNotAllowed")
        siege.annotate(name, requestedAt=f"after {what}")
        siege.says(name, "Succeeded")
    assert EVIL not in watch.applied()


@pytest.mark.parametrize("number", [0, 3])
def test_a_forged_history_is_no_way_back_to_an_image_from_elsewhere(siege: Siege, watch: Watch, number: int) -> None:
    running = {"number": number, "image": EVIL, "since": NOW, **({"commit": "b" * 40} if number else {})}
    with siege.live(1) as name:
        siege.forge(name, {"running": running, "history": [past(EVIL, number)] if number else []})
        siege.annotate(name, rollbackTo=str(number))
        siege.prey.until("it is handled", lambda: siege.prey.status(1).get("lastHandled", {}).get("rollbackTo"), SETTLE)
        assert "so it is not deployed" in siege.prey.status(1)["lastHandled"]["answer"]
    assert EVIL not in watch.applied()


def test_the_other_brand_can_still_be_released(siege: Siege) -> None:
    siege.victim.is_live("at-the-end")
