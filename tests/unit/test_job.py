"""The Job that builds an image: which secrets are where, and that no value from a Brand is ever more than a value."""

from dataclasses import replace
from typing import Any

import pytest

from brandrelease.adapters.builders.buildkit_job import JobProfile, job_body
from brandrelease.apis.build import Resources
from brandrelease.core.builds.images import BuildOrder
from brandrelease.settings import SecurityProfile

Json = dict[str, Any]

ORDER = BuildOrder(
    brand="drumeo",
    brand_uid="brand-uid",
    builder="buildKit",
    source_url="https://git.example.com/drumeo.git",
    source_secret="drumeo-git",
    commit="0123456789abcdef0123456789abcdef01234567",
    repository="registry.example.com/drumeo",
    registry_secret="drumeo-registry",
    tag="0123456789ab-ffffffffff",
    key="f" * 64,
    attempt=1,
    timeout_seconds=1800,
)


def body(order: BuildOrder = ORDER, security: SecurityProfile = SecurityProfile.UserNamespace, *http: str) -> Json:
    return job_body(order, JobProfile("builds", "buildkit:1", security, frozenset(http)))


def pod(job: Json) -> Json:
    found: Json = job["spec"]["template"]["spec"]
    return found


def fetch(job: Json) -> Json:
    (container,) = pod(job)["initContainers"]
    assert container["name"] == "fetch"
    return dict(container)


def build(job: Json) -> Json:
    (container,) = pod(job)["containers"]
    assert container["name"] == "build"
    return dict(container)


def environment(container: Json) -> dict[str, str]:
    """The kubelet's own expansion (k8s.io/kubernetes/third_party/forked/golang/expansion), in short."""
    found: dict[str, str] = {}
    for entry in container["env"]:
        text, result, at = entry["value"], "", 0
        while at < len(text):
            if text[at] == "$" and at + 1 < len(text):
                if text[at + 1] == "$":
                    result, at = result + "$", at + 2
                    continue
                end = text.find(")", at)
                if text[at + 1] == "(" and end > 0:
                    name = text[at + 2 : end]
                    result, at = result + found.get(name, f"$({name})"), end + 1
                    continue
            result, at = result + text[at], at + 1
        found[entry["name"]] = result
    return found


def mounts(container: Json) -> set[str]:
    return {mount["name"] for mount in container["volumeMounts"]}


every_profile = pytest.mark.parametrize("security", SecurityProfile)


@every_profile
def test_each_credential_is_only_in_the_container_that_needs_it(security: SecurityProfile) -> None:
    job = body(security=security)
    assert mounts(fetch(job)) == {"source", "git"}
    assert mounts(build(job)) == {"source", "state", "registry"}
    volumes = {volume["name"]: volume for volume in pod(job)["volumes"]}
    assert volumes["git"]["secret"]["secretName"] == "drumeo-git"
    assert volumes["registry"]["secret"]["secretName"] == "drumeo-registry"


@every_profile
def test_the_commands_of_a_dockerfile_get_no_token_of_the_cluster(security: SecurityProfile) -> None:
    assert pod(body(security=security))["automountServiceAccountToken"] is False
    assert pod(body(security=security))["enableServiceLinks"] is False


@every_profile
def test_the_container_that_fetches_has_no_rights_at_all(security: SecurityProfile) -> None:
    context = fetch(body(security=security))["securityContext"]
    assert context["runAsUser"] == 1000
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["runAsNonRoot"] is True


def test_root_of_a_user_namespace_is_not_root_of_the_node() -> None:
    job = body(security=SecurityProfile.UserNamespace)
    assert pod(job)["hostUsers"] is False
    assert build(job)["securityContext"]["privileged"] is True


def test_rootless_is_an_ordinary_user_without_privileges() -> None:
    job = body(security=SecurityProfile.Rootless)
    context = build(job)["securityContext"]
    assert (context["runAsUser"], "privileged" in context, "hostUsers" in pod(job)) == (1000, False, False)
    assert environment(build(job))["ROOTLESS"] == "true"


def test_privileged_is_only_what_was_asked_for_by_name() -> None:
    job = body(security=SecurityProfile.Privileged)
    assert build(job)["securityContext"] == {"privileged": True, "runAsUser": 0}
    assert "hostUsers" not in pod(job)
    assert environment(build(job))["ROOTLESS"] == ""


def test_without_secrets_there_is_nothing_to_mount() -> None:
    job = body(replace(ORDER, source_secret=None, registry_secret=None))
    assert {volume["name"] for volume in pod(job)["volumes"]} == {"source", "state"}
    assert "DOCKER_CONFIG" not in environment(build(job))
    assert environment(build(body()))["DOCKER_CONFIG"] == "/secrets/registry"


HOSTILE = ["$(CONTEXT)", "$$(CONTEXT)", "$(SOURCE_URL)$(X)", "`id`", '"; rm -rf / #', "$HOME", "a'b", "$", "$$", "${X}"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_reaches_the_container_as_it_was_written(value: str) -> None:
    job = body(replace(ORDER, target=value, dockerfile=value, args=(("A", value),)))
    values = environment(build(job))
    assert (values["TARGET"], values["DOCKERFILE"], values["BUILD_ARGS"]) == (value, value, f"A={value}")


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_stands_in_the_text_of_a_script(value: str) -> None:
    hostile = replace(ORDER, target=value, dockerfile=value, source_url=value, args=(("A", value),))
    assert build(body(hostile))["command"] == build(body())["command"]
    assert fetch(body(hostile))["command"] == fetch(body())["command"]


def test_arguments_are_one_line_each() -> None:
    """The CRD allows no line break in a value (tests/apiserver)."""
    job = body(replace(ORDER, args=(("A", "1"), ("C", "a=b c"))))
    assert environment(build(job))["BUILD_ARGS"].split("\n") == ["A=1", "C=a=b c"]


def test_the_job_is_the_same_for_everybody_and_bears_the_build_key() -> None:
    job = body()
    assert body() == job
    assert job["metadata"]["name"] == ORDER.name
    assert job["metadata"]["namespace"] == "builds"
    assert job["metadata"]["labels"] == {"brandrelease.dev/name": "drumeo", "brandrelease.dev/build-key": "f" * 63}
    assert job["spec"]["template"]["metadata"]["labels"] == job["metadata"]["labels"]
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Brand", "brand-uid")


def test_a_build_ends_at_its_timeout_and_is_never_repeated_behind_our_back() -> None:
    spec = body()["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (1800, 0)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "Ignore", "a pod that the node evicts is made again"


def test_the_image_is_pushed_under_its_tag() -> None:
    values = environment(build(body(ORDER, SecurityProfile.UserNamespace, "b:5000", "a:5000")))
    assert values["IMAGE"] == "registry.example.com/drumeo:0123456789ab-ffffffffff"
    assert values["INSECURE_REGISTRIES"] == "a:5000 b:5000"
    assert environment(fetch(body())) == {"SOURCE_URL": ORDER.source_url, "COMMIT": ORDER.commit}


REQUESTS = {"cpu": "250m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
LIMITS = {"memory": "4Gi", "ephemeral-storage": "20Gi"}
ALL = {
    "requests": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "2Gi"},
    "limits": {"cpu": "4", "memory": "2Gi", "ephemeral-storage": "8Gi"},
}

RESOURCES: dict[str, tuple[Json | None, Json]] = {
    "none given": (None, {"requests": REQUESTS, "limits": LIMITS}),
    "some requests": ({"requests": {"cpu": "2"}}, {"requests": REQUESTS | {"cpu": "2"}, "limits": LIMITS}),
    "all": (ALL, ALL),
}


@pytest.mark.parametrize(("given", "expected"), RESOURCES.values(), ids=RESOURCES)
def test_the_build_gets_the_resources_of_the_brand(given: Json | None, expected: Json) -> None:
    order = replace(ORDER, resources=Resources.model_validate(given) if given else None)
    assert build(body(order))["resources"] == expected


def test_to_take_the_source_has_the_same_bounds_as_the_build() -> None:
    """Somebody's repository may be as large as their build; both run in turn, so the pod reserves it once."""
    order = replace(ORDER, resources=Resources.model_validate(ALL))
    assert fetch(body(order))["resources"] == build(body(order))["resources"] == ALL


@pytest.mark.parametrize("limits", [{"memory": "256Mi"}, {"cpu": "100m"}, {"ephemeral-storage": "300Mi"}])
def test_a_limit_below_the_default_request_lowers_the_request_or_the_api_server_would_refuse_the_job(
    limits: Json,
) -> None:
    resources = build(body(replace(ORDER, resources=Resources.model_validate({"limits": limits}))))["resources"]
    assert resources["limits"] == LIMITS | limits
    for name, limit in limits.items():
        assert resources["requests"].get(name, limit) == limit


def test_no_volume_is_of_the_node_and_none_has_a_token() -> None:
    for security in SecurityProfile:
        kinds = {kind for volume in pod(body(security=security))["volumes"] for kind in volume if kind != "name"}
        assert kinds == {"emptyDir", "secret"}


def test_the_number_of_processes_is_bounded_and_no_frontend_of_the_commits_choice_could_lift_that() -> None:
    assert environment(build(body()))["MOST_PROCESSES"] == "4096"
    [script] = build(body())["command"][2:]
    assert '--opt "ulimit=nproc=$MOST_PROCESSES:$MOST_PROCESSES"' in script
    assert "--opt cmdline=dockerfile.v0" in script
    assert "gateway.v0" in script
