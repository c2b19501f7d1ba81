"""What people may rightly write is taken, also at the edges."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand, brand_release
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import (
    Blame,
    BrandRelease,
    BrandReleaseSpec,
    BrandReleaseStatus,
    Condition,
    ConditionStatus,
    ConditionType,
    CurrentRelease,
    HandledRequest,
    Outcome,
    PastRelease,
    Phase,
    QuarantinedCommit,
    RunningRelease,
)
from brandrelease.apis.progress import (
    CHANGES_LIMIT,
    MESSAGE_LIMIT,
    QUARANTINE_LIMIT,
    BuildProgress,
    Change,
    Rollback,
    Rollout,
    Verification,
)
from brandrelease.apis.reasons import Reason

COMMIT = "0123456789abcdef0123456789abcdef01234567"
URLS = (
    "https://git.example.com/drumeo.git",
    "https://git.example.com:8443/group/sub-group/drumeo",
    "https://git.example.com/~someone/drumeo.git",
    "https://git.example.com/a%20name.git",
    "https://10.0.0.7/drumeo.git",
    "ssh://git@host:22/x.git",
    "ssh://git@git.example.com/drumeo.git",
    "ssh://git.example.com/drumeo.git",
    "http://git.git.svc/drumeo.git",  # the operator has a setting of its own for this
)
REPOSITORIES = (
    "123456789012.dkr.ecr.us-east-2.amazonaws.com/drumeo",
    "registry.example.com:5000/sites/drumeo",
    "localhost/drumeo",
    "localhost:5000/drumeo",
    "10.0.0.7:5000/drumeo",
    "docker.io/library/a__b/c-d.e_f",
    f"registry.example.com/{'x' * 234}",
)
REFS = (
    "master",
    "HEAD",
    "feature/a-thing/deep",
    "dependabot/npm_and_yarn/@babel/core-7.2",
    "release+build@2026",
    "v1.2.3-rc.1",
    "issue#7",
    "refs/heads/master",
    "refs/tags/20240101",
    "refs/pull/12/head",
    COMMIT,
    "a" * 64,
    "abcdef",  # too short for git's shortened ids, so a branch
    "x" * 255,
)
BRAND_EDGES: tuple[tuple[str, Any], ...] = (
    ("metadata.name", "drumeo-2"),
    ("metadata.name", "x" * 51),
    ("spec.source.secretName", "drumeo-git"),
    ("spec.image.secretName", "some.dotted.name"),
    ("spec.build", {"external": {}}),
    ("spec.build", {"buildKit": {}, "timeoutSeconds": 60}),
    ("spec.build", {"buildKit": {}, "timeoutSeconds": 86400}),
    ("spec.build.buildKit.context", "docker/web..old/./x"),
    ("spec.build.buildKit.context", "."),
    ("spec.build.buildKit.dockerfile", "docker/Dockerfile.prod"),
    ("spec.build.buildKit.target", "Stage_2.final-1"),
    ("spec.build.buildKit.args", {"_a": "", "GREETING": "Grüße, 世界 🎸", "QUOTED": "\"'$(id)`\t;"}),
    ("spec.build.buildKit.args", {f"A{number}": "x" * 1024 for number in range(64)}),
    ("spec.build.buildKit.args", {"A": "世" * 1024}),
    ("spec.build.buildKit.resources", {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "2"}}),
    ("spec.build.buildKit.resources", {"limits": {"cpu": "0.5", "memory": "2G"}}),
    ("spec.environments", [{"name": f"env-{number}"} for number in range(32)]),
    ("spec.environments", [{"name": "a", "namespace": "shared"}, {"name": "b", "namespace": "shared"}]),
    ("spec.environments", [{"name": name, "namespace": name, "deployment": "web"} for name in ("a", "b")]),
    ("spec.environments.0.namespace", "n" * 63),
    ("spec.environments.0.deployment", "a.dotted-name"),
    ("spec.environments.0.container", "app"),
    ("spec.environments.0.allowedRefs", []),
    ("spec.environments.0.allowedRefs", ["refs/heads/*", "refs/tags/v[0-9]*", "refs/heads/release-?"]),
    ("spec.environments.0.soakSeconds", 0),
    ("spec.environments.0.restartLimit", 0),
    ("spec.environments.0.progressDeadlineSeconds", 86400),
    ("spec.environments.0.revisionHistoryLimit", 50),
)


def accepted_brand(api: Api, path: str, value: Any) -> None:
    """The API server takes it, and the operator can read what the API server keeps."""
    stored = api.post(BRANDS, brand({path: value}), dryRun="All").expect(201)
    Brand.from_object(stored)


@pytest.mark.parametrize("url", URLS)
def test_the_address_of_a_repository_is_accepted(api: Api, url: str) -> None:
    accepted_brand(api, "spec.source.url", url)


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_the_repository_of_an_image_is_accepted(api: Api, repository: str) -> None:
    accepted_brand(api, "spec.image.repository", repository)


@pytest.mark.parametrize(("path", "value"), BRAND_EDGES, ids=lambda each: str(each)[:40])
def test_a_brand_at_the_edge_of_what_is_allowed_is_accepted(api: Api, path: str, value: Any) -> None:
    accepted_brand(api, path, value)


def test_the_fullest_brand_is_accepted_within_what_the_rules_may_cost(api: Api) -> None:
    """The API server counts the steps of all rules together and gives up beyond a limit."""
    environments = [
        {
            "name": f"{number:02}{'e' * 61}",
            "namespace": "n" * 63,
            "deployment": f"{number:02}{'d' * 251}",
            "container": "c" * 63,
            "allowedRefs": [f"refs/{ref:02}{'r' * 248}" for ref in range(32)],
        }
        for number in range(32)
    ]
    changes = {
        "metadata.name": "b" * 63,
        "spec.source.url": f"https://git.example.com/{'x' * 2024}",
        "spec.build.buildKit.args": {f"A{number:02}{'x' * 125}": "世" * 1024 for number in range(64)},
        "spec.environments": environments,
    }

    api.post(BRANDS, brand(changes), dryRun="All").expect(201)


@pytest.mark.parametrize("name", ["drumeo.com", "x" * 63])
def test_a_brand_whose_name_fits_no_namespace_may_name_the_namespaces(api: Api, name: str) -> None:
    environments = [{"name": "production", "namespace": "drumeo-production"}]

    api.post(BRANDS, brand({"metadata.name": name, "spec.environments": environments}), dryRun="All").expect(201)


@pytest.mark.parametrize("ref", REFS)
def test_a_ref_is_accepted(api: Api, ref: str) -> None:
    stored = api.post(RELEASES.format("default"), brand_release({"spec.ref": ref}), dryRun="All").expect(201)

    assert BrandReleaseSpec.model_validate(stored["spec"]).ref == ref


def test_a_brandrelease_keeps_its_brand_and_environment_while_the_rest_changes(api: Api, namespace: str) -> None:
    path = RELEASES.format(namespace)
    api.post(path, brand_release()).expect(201)

    changed = api.merge(f"{path}/drumeo", {"spec": {"brand": "drumeo", "ref": "refs/tags/v2", "suspend": True}})

    assert changed.expect(200)["spec"]["ref"] == "refs/tags/v2"


def test_a_brand_may_change_its_repository_and_its_builder(api: Api) -> None:
    path = f"{BRANDS}/changing"
    api.post(BRANDS, brand({"metadata.name": "changing"})).expect(201)

    api.merge(path, {"spec": {"source": {"url": "ssh://git@git.example.com/other.git"}}}).expect(200)
    changed = api.merge(path, {"spec": {"build": {"buildKit": None, "external": {}}}}).expect(200)

    assert changed["spec"]["build"] == {"timeoutSeconds": 1800, "external": {}}


def test_the_fullest_status_is_accepted_and_read_back_the_same(api: Api, namespace: str) -> None:
    path = RELEASES.format(namespace)
    body = api.post(path, brand_release()).expect(201)
    full = fullest_status()

    api.merge(f"{path}/drumeo/status", {"status": full.to_wire()}).expect(200)

    stored = api.get(f"{path}/drumeo").expect(200)
    assert stored["status"] == full.to_wire()
    read = BrandRelease.from_object(stored)
    assert (read.status, read.uid, read.spec.ref) == (full, body["metadata"]["uid"], "master")


def fullest_status() -> BrandReleaseStatus:
    """Every field set, every text and list as long as it may be, in letters of three bytes where people write."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    image, message = "i" * 512, "世" * MESSAGE_LIMIT
    commits = [f"{number:064x}" for number in range(50)]
    failed: dict[str, Any] = {"reason": Reason.CrashLoopBackOff, "message": message, "blame": Blame.Release}
    times: dict[str, Any] = {"started_at": moment, "finished_at": moment}
    past = PastRelease(number=1, commit=commits[0], image=image, outcome=Outcome.RolledBack, **failed, **times)
    current = CurrentRelease(
        number=51,
        ref="r" * 300,
        commit=commits[0],
        image=image,
        outcome=Outcome.RolledBack,
        changes=[Change(commit=each, author="世" * 128, subject="世" * 200) for each in commits[:CHANGES_LIMIT]],
        changes_total=10**9,
        build=BuildProgress(builder="b" * 32, key="k" * 64, attempt=3, id="j" * 253, log_tail="世" * 2048, **times),
        rollout=Rollout(**times),
        verification=Verification(started_at=moment, ends_at=moment),
        rollback=Rollback(number=50, **times),
        **failed,
        **times,
    )
    return BrandReleaseStatus(
        observed_generation=1,
        phase=Phase.RolledBack,
        conditions=every_condition(moment, message),
        current=current,
        running=RunningRelease(number=50, commit=commits[1], image=image, since=moment),
        history=[past] * 50,
        quarantine=[
            QuarantinedCommit(commit=each, reason=Reason.CrashLoopBackOff, release=1, since=moment)
            for each in commits[:QUARANTINE_LIMIT]
        ],
        last_handled=HandledRequest(ref="r" * 255, requested_at="世" * 255),
    )


def every_condition(moment: datetime, message: str) -> list[Condition]:
    return [
        Condition(
            type=kind,
            status=ConditionStatus.No,
            reason=Reason.CrashLoopBackOff,
            message=message,
            last_transition_time=moment,
            observed_generation=1,
        )
        for kind in ConditionType
    ]
