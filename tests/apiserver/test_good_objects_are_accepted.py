"""What people may rightly write is taken, also at the edges."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from apiserver.bad_objects import WEEKEND
from apiserver.json_api import Api
from apiserver.objects import BRANDS, CRDS, RELEASES, brand, brand_release
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import (
    Blame,
    BrandRelease,
    BrandReleaseSpec,
    BrandReleaseStatus,
    CurrentRelease,
    HandledRequest,
    Migration,
    Outcome,
    PastRelease,
    Phase,
    QuarantinedCommit,
    RunningRelease,
    UnneededBuild,
)
from brandrelease.apis.checks import CHECKS_LIMIT
from brandrelease.apis.conditions import Condition, ConditionStatus, ConditionType
from brandrelease.apis.notifications import NOTIFICATIONS_LIMIT, PROBLEM_LIMIT, Stage, Told
from brandrelease.apis.progress import (
    CHANGES_LIMIT,
    LET_THROUGH_LIMIT,
    LOG_TAIL_LIMIT,
    MESSAGE_LIMIT,
    QUARANTINE_LIMIT,
    STOPPING_LIMIT,
    SUSPECTS_LIMIT,
    BuildProgress,
    Change,
    HookProgress,
    HooksProgress,
    Invalidation,
    LogTail,
    Retry,
    Rollback,
    Rollout,
)
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import (
    BAD_LIMIT,
    DROPOUTS_LIMIT,
    LOOK_LIMIT,
    CheckBaseline,
    CheckProgress,
    CheckState,
    Dropout,
    Verification,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ETCD_TAKES = 1_572_864
"""Bytes of a request to etcd by its default (--max-request-bytes); an object that is larger can never be written again."""
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
    ("spec.build", {"codeBuild": {"project": "drumeo_2-x", "region": "us-gov-west-1"}}),
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
    ("spec.build.buildKit.resources", {"requests": {"memory": "4Gi", "ephemeral-storage": "20480Mi"}}),
    ("spec.build.buildKit.resources", {"requests": {"memory": "8Gi"}, "limits": {"memory": "8Gi"}}),
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
    ("spec.environments.0.rollback", {"mode": "Manual", "afterMigration": "Rollback"}),
    ("spec.environments.0.rollback", {}),
    ("spec.environments.0.cloudFront", {"distributionId": "E2QWRUHEXAMPLE"}),
    ("spec.environments.0.cloudFront", {"distributionId": "E" * 64, "paths": ["/"]}),
    (
        "spec.environments.0.cloudFront",
        {"distributionId": "E1", "paths": [f"/{number:02}{'x' * 252}*" for number in range(15)]},
    ),
    ("spec.environments.0.cloudFront", {"distributionId": "E1", "paths": ["/a%20b/~c(d)?e=f&g='h'*"]}),
    ("spec.environments.0.windows", []),
    ("spec.environments.0.windows", [WEEKEND] * 16),
    ("spec.environments.0.windows", [WEEKEND | {"kind": "Allow", "durationSeconds": 60, "timeZone": "Etc/GMT+8"}]),
    ("spec.environments.0.windows", [WEEKEND | {"durationSeconds": 31 * 86400, "reason": "Schwarzer Freitag, später"}]),
    ("spec.environments.0.windows", [WEEKEND | {"timeZone": "America/Argentina/ComodRivadavia"}]),
    *(
        ("spec.environments.0.windows", [WEEKEND | {"schedule": schedule}])
        for schedule in (
            *("* * * * *", "*/15 */2 */3 */4 */5", "0,30 9-17/2 1,15,31 JAN-mar,12 mon-FRI", "05 09 01 02 7"),
            *("0 0 L * *", "0 0 LW * *", "0 0 * * 5L", "0 0 * 11 4#4,FRI#1", "59 23 31 12 0", "0 0 30 2 *"),
        )
    ),
    *(
        ("spec.environments.0.checks", [{"name": "it"} | check])
        for check in (
            {"http": {"url": "http://10.0.0.1:8080/health?deep=1", "statuses": [200, 301], "podPort": 65535}},
            {
                "http": {"url": "https://www.example.com", "bodyContains": "世" * 512},
                "onError": "Ignore",
                "dryRun": True,
            },
            {"prometheus": {"url": "http://prometheus.monitoring:9090/base", "query": "x" * 4096, "min": "-0.5"}},
            {
                "prometheus": {
                    "url": "https://p.example.com",
                    "query": "q",
                    "maxRatio": "1.5",
                    "floor": "0",
                    "max": "10",
                }
            },
            {
                "elasticsearch": {
                    "url": "https://l.example.com",
                    "index": "logs-*,-logs-old",
                    "query": "a",
                    "minCount": 0,
                }
            },
            {"cloudWatchAlarms": {"region": "us-gov-west-1", "names": [f"{n}{'世' * 254}" for n in range(10)]}},
            {
                "cloudWatchMetric": {
                    "region": "us-east-2",
                    "namespace": "AWS/RDS",
                    "metricName": "DBLoad",
                    "dimensions": {f"d{number}": "v" * 255 for number in range(10)},
                    "statistic": "p99.9",
                    "max": "999999999999999.999999999",
                }
            },
        )
    ),
    ("spec.environments.0.notifications", []),
    (
        "spec.environments.0.notifications",
        [{"name": "slack", "slack": {"channel": "C0123456789", "secretName": "a.b"}, "stages": ["Failed", "Live"]}],
    ),
    (
        "spec.environments.0.notifications",
        [
            {
                "name": "s",
                "slack": {"channel": "#обновления-2", "secretName": "s", "apiUrl": "https://slack-gov.com/api"},
            }
        ],
    ),
    (
        "spec.environments.0.notifications",
        [
            {"name": "a", "webhook": {"url": "https://hooks.example.com:8443", "secretName": "x"}},
            {"name": "b", "webhook": {"url": "http://receiver.tools.svc/in?a=b&c=%20#x", "secretName": "x"}},
            {"name": "c", "webhook": {"url": "https://h.example.com/a@b:c", "secretName": "x"}},
        ],
    ),
    (
        "spec.environments.0.notifications",
        [
            {
                "name": "g",
                "gitHub": {
                    "repository": "Example-Org/some.repo_2",
                    "secretName": "x",
                    "apiUrl": "https://github.example.com/api/v3",
                    "url": "https://www.drumeo.com",
                },
            }
        ],
    ),
    ("spec.environments.0.hooks", {}),
    ("spec.environments.0.hooks", {"postDeploy": {"command": ["/bin/true"], "timeoutSeconds": 1}}),
    (
        "spec.environments.0.hooks.preDeploy",
        {"command": ["sh", "-c", "a && b", "", "Grüße\n"], "timeoutSeconds": 86400},
    ),
    ("spec.environments.0.hooks.preDeploy", {"command": ["p" * 4096, *["世" * 4096] * 63]}),
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
            "rollback": {"mode": "Manual", "afterMigration": "Rollback"},
            "hooks": {
                kind: {"command": ["p" * 256] * 64, "timeoutSeconds": 86400} for kind in ("preDeploy", "postDeploy")
            },
            "windows": [WEEKEND | {"schedule": f"{'0,' * 45}0 * * * *", "timeZone": "A" * 64, "reason": "世" * 128}]
            * 16,
            "cloudFront": {"distributionId": "E" * 64, "paths": [f"/{path:02}{'p' * 253}" for path in range(15)]},
            "notifications": [
                {
                    "name": f"{each}{'n' * 62}",
                    "stages": list(Stage),
                    "gitHub": {
                        "repository": f"o/{'r' * 138}",
                        "secretName": "s" * 253,
                        "apiUrl": f"https://github.example.com/{'u' * 485}",
                        "url": f"https://www.example.com/{'u' * 488}",
                    },
                }
                for each in range(NOTIFICATIONS_LIMIT)
            ],
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


@pytest.mark.parametrize("seconds", [5, 60, 86400])
def test_how_often_a_ref_is_tracked_is_accepted(api: Api, seconds: int) -> None:
    changes = {"spec.trackIntervalSeconds": seconds}
    stored = api.post(RELEASES.format("default"), brand_release(changes), dryRun="All").expect(201)

    assert BrandReleaseSpec.model_validate(stored["spec"]).track_interval_seconds == seconds


def test_what_a_brand_does_not_say_of_a_bad_release_is_the_careful_way(api: Api) -> None:
    stored = api.post(BRANDS, brand(), dryRun="All").expect(201)

    environment = Brand.from_object(stored).spec.environments[0]
    assert (environment.rollback.mode, environment.rollback.after_migration) == ("Automatic", "Hold")
    assert environment.hooks.pre_deploy is environment.hooks.post_deploy is None


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


def test_the_fullest_status_leaves_etcd_half_of_what_it_takes(api: Api, namespace: str) -> None:
    """Half of it is for who owns what, for annotations, and for the fields of parts to come."""
    path = RELEASES.format(namespace)
    api.post(path, brand_release()).expect(201)
    api.merge(f"{path}/drumeo/status", {"status": fullest_status().to_wire()}).expect(200)

    stored = api.get(f"{path}/drumeo").expect(200)

    size = len(json.dumps(stored, ensure_ascii=False).encode())
    print(f"The fullest BrandRelease has {size} bytes.")
    assert size < ETCD_TAKES / 2
    assert not_full(status_schema(), stored["status"]) == []


def status_schema() -> dict[str, Any]:
    """What the CRD says that a status may hold."""
    crd = yaml.safe_load((CRDS / "brandrelease.dev_brandreleases.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(schema["properties"]["status"])


def not_full(schema: dict[str, Any], value: Any, where: str = "status") -> list[str]:
    """The fields and the lists that are not as full as they may be."""
    if "properties" in schema:
        fields = schema["properties"].items()
        return [
            missing
            for name, field in fields
            for missing in (not_full(field, value[name], f"{where}.{name}") if name in value else [f"{where}.{name}"])
        ]
    if "items" in schema:
        most = len(ConditionType) if where == "status.conditions" else schema["maxItems"]
        return ([] if len(value) == most else [where]) + not_full(schema["items"], value[0], f"{where}[0]")
    return []


def fullest_status() -> BrandReleaseStatus:
    """Every field set, every text and list as long as it may be, in letters of three bytes where people write.

    Logs are cut by bytes as well, so theirs are letters of one.
    """
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    image, message, log, why = "i" * 512, "世" * MESSAGE_LIMIT, "l" * LOG_TAIL_LIMIT, "世" * 255
    commits = [f"{number:064x}" for number in range(SUSPECTS_LIMIT)]
    times: dict[str, Any] = {"started_at": moment, "finished_at": moment}
    said: dict[str, Any] = {
        "reason": Reason.CrashLoopBackOff,
        "message": message,
        "blame": Blame.Release,
        "requested_by": "世" * 128,
        "override": why,
        "evidence": LogTail(pod="p" * 253, container="c" * 253, exit_code=255, log_tail=log),
    }
    past = PastRelease(number=1, commit=commits[0], image=image, outcome=Outcome.RolledBack, **said, **times)
    hook = HookProgress(job="j" * 253, uid="u" * 64, succeeded=False, log_tail=log, **times)
    current = CurrentRelease(
        number=51,
        ref="r" * 300,
        commit=commits[0],
        image=image,
        outcome=Outcome.RolledBack,
        changes=[Change(commit=each, author="世" * 128, subject="世" * 200) for each in commits[:CHANGES_LIMIT]],
        changes_total=10**9,
        image_of=7,
        first_attempt=3,
        tracked=True,
        tries=4,
        retry=Retry(number=4, at=moment),
        contains=commits,
        reverts=commits,
        let_through=list(Reason)[:LET_THROUGH_LIMIT],
        build=BuildProgress(
            builder="b" * 32, key="k" * 64, attempt=3, id="j" * 253, logs_url="u" * 1024, log_tail=log, **times
        ),
        hooks=HooksProgress(pre_deploy=hook, post_deploy=hook),
        rollout=Rollout(seen_on="u" * 64, paused=True, **times),
        verification=Verification(
            started_at=moment,
            ends_at=moment,
            dropouts=[Dropout(pod=f"{number:0253}", times=10**9, last=moment) for number in range(DROPOUTS_LIMIT)],
            checks=[
                CheckProgress(
                    name=f"{number:063}",
                    state=CheckState.NotCharged,
                    reason=Reason.MetricExceeded,
                    bad_looks=100,
                    message="世" * LOOK_LIMIT,
                    observed_at=moment,
                )
                for number in range(CHECKS_LIMIT)
            ],
        ),
        baseline=[
            CheckBaseline(
                name=f"{number:063}",
                state=CheckState.NotCharged,
                value="9" * 64,
                bad=[f"{alarm:0255}" for alarm in range(BAD_LIMIT)],
                message="世" * LOOK_LIMIT,
                observed_at=moment,
            )
            for number in range(CHECKS_LIMIT)
        ],
        rollback=Rollback(number=50, commit=commits[1], image=image, seen_on="u" * 64, paused=True, **times),
        invalidation=Invalidation(
            reference="r" * 128, requested_at=moment, finished_at=moment, id="i" * 128, problem=message
        ),
        **said,
        **times,
    )
    return BrandReleaseStatus(
        observed_generation=1,
        phase=Phase.RolledBack,
        conditions=every_condition(moment, message),
        current=current,
        next=current,
        running=RunningRelease(number=50, commit=commits[1], revision="r" * 12, image=image, since=moment),
        history=[past] * 50,
        quarantine=[
            QuarantinedCommit(
                commit=each, reason=Reason.CrashLoopBackOff, release=1, since=moment, base=commits[1], override=why
            )
            for each in commits[:QUARANTINE_LIMIT]
        ],
        migration=Migration(release=51, finished_at=moment),
        stopping=(UnneededBuild(commit=commits[2], key="k" * 64, attempt=3),) * STOPPING_LIMIT,
        last_handled=HandledRequest(
            ref="r" * 255, requested_at=why, rollback_to=why, abort=why, override=why, answer=message
        ),
        notifications=[
            Told(
                name=f"{number}{'n' * 62}",
                release=51,
                told_at=moment,
                stage=Stage.NeedsSomebody,
                reason=Reason.CrashLoopBackOff,
                id="i" * 256,
                problem="世" * PROBLEM_LIMIT,
            )
            for number in range(NOTIFICATIONS_LIMIT)
        ],
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
