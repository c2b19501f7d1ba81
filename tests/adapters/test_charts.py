"""The Helm charts by Helm's own judgement: what they render, what they refuse and in which words."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from brandrelease.adapters.kube.permissions import (
    BRAND,
    BUILDS,
    CLUSTER,
    DEFAULT,
    EVERYWHERE,
    GRANTS,
    HOOKS,
    OWN,
    SECRETS_IN_LOGS,
    Grant,
)
from brandrelease.codegen.crd import KINDS, custom_resource_definition
from brandrelease.codegen.values import Values
from support import install_manifest
from support.chart_values import EVERYTHING, IN_SHARDS, LEAST, NOTHING_OPTIONAL, SETS
from support.helm import CHART, CRDS, Helm, HelmError

Object = dict[str, Any]
SYSTEM = "brandrelease-system"


@pytest.fixture(scope="module")
def helm() -> Helm:
    return Helm.compiled()


def text(helm: Helm, values: Object) -> str:
    where = ("--namespace", SYSTEM, "--values", "-")
    return helm.run("template", "brandrelease", CHART, *where, stdin=json.dumps(values))


def objects(helm: Helm, values: Object) -> list[Object]:
    return [each for each in yaml.safe_load_all(text(helm, values)) if each]


def of_kind(rendered: list[Object], kind: str) -> list[Object]:
    return [each for each in rendered if each["kind"] == kind]


@pytest.mark.parametrize("chart", [CHART, CRDS], ids=lambda chart: chart.name)
def test_helm_has_nothing_against_the_charts(helm: Helm, chart: Path) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", chart)


def test_the_chart_of_crds_has_what_the_models_say_and_keeps_it(helm: Helm) -> None:
    rendered = list(yaml.safe_load_all(helm.run("template", "brandrelease-crds", CRDS)))
    assert {each["metadata"].pop("annotations")["helm.sh/resource-policy"] for each in rendered} == {"keep"}
    by_name = {each["metadata"]["name"]: each for each in rendered}
    assert by_name == {body["metadata"]["name"]: body for body in map(custom_resource_definition, KINDS)}


def test_the_manifest_for_kubectl_is_what_the_charts_render(helm: Helm) -> None:
    assert install_manifest.FILE.read_text("utf-8") == install_manifest.rendered(helm), "Run 'make generate'."


# --- what is there when -------------------------------------------------------------------------------------------------


def kinds(rendered: list[Object]) -> Counter[str]:
    return Counter(each["kind"] for each in rendered if "Role" not in each["kind"])


def test_as_little_as_can_be_is_a_whole_installation(helm: Helm) -> None:
    assert kinds(objects(helm, LEAST)) == {
        "Namespace": 1,
        "ServiceAccount": 1,
        "Deployment": 1,
        "Service": 1,
        "Lease": 1,
        "PodDisruptionBudget": 1,
        "NetworkPolicy": 1 + 3,
        "LimitRange": 1,
        "ResourceQuota": 1,
        "ValidatingAdmissionPolicy": 1,
        "ValidatingAdmissionPolicyBinding": 1,
    }


def test_what_is_optional_can_be_left_out(helm: Helm) -> None:
    assert kinds(objects(helm, NOTHING_OPTIONAL)) == {"ServiceAccount": 1, "Deployment": 1, "Service": 1, "Lease": 1}


def test_each_shard_has_a_deployment_of_its_own_which_no_resize_takes_for_another(helm: Helm) -> None:
    deployments = of_kind(objects(helm, IN_SHARDS), "Deployment")
    assert [each["metadata"]["name"] for each in deployments] == [f"brandrelease-{index}-of-3" for index in range(3)]
    for index, each in enumerate(deployments):
        spec, template = each["spec"], each["spec"]["template"]
        assert spec["selector"]["matchLabels"]["brandrelease.dev/shard"] == f"{index}-of-3"
        assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        (container,) = template["spec"]["containers"]
        assert {"name": "BRANDRELEASE_SHARD", "value": f"{index}/3"} in container["env"]
        spread = [c["labelSelector"]["matchLabels"] for c in template["spec"]["topologySpreadConstraints"]]
        assert spread == [spec["selector"]["matchLabels"]] * 2
    (service,) = of_kind(objects(helm, IN_SHARDS), "Service")
    assert all(
        service["spec"]["selector"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
        for each in deployments
    )


def test_without_shards_nothing_is_called_otherwise_than_before_and_the_one_lease_is_there_with_them_too(
    helm: Helm,
) -> None:
    (deployment,) = of_kind(objects(helm, LEAST), "Deployment")
    assert deployment["metadata"]["name"] == "brandrelease"
    assert deployment["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": "brandrelease"}
    assert "BRANDRELEASE_SHARD" not in environment([deployment])
    for values in (LEAST, IN_SHARDS):
        assert [each["metadata"]["name"] for each in of_kind(objects(helm, values), "Lease")] == ["brandrelease"]


def test_the_quota_of_builds_has_room_for_those_of_all_shards(helm: Helm) -> None:
    pods = [of_kind(objects(helm, each), "ResourceQuota")[0]["spec"]["hard"]["pods"] for each in (LEAST, IN_SHARDS)]
    assert pods == ["8", "24"]


def test_everything_is_in_the_namespaces_that_the_values_name(helm: Helm) -> None:
    rendered = objects(helm, EVERYTHING)
    namespaces = {each["metadata"].get("namespace") for each in rendered}
    brands = {"drumeo-production", "drumeo-staging"}
    assert namespaces == {None, SYSTEM, "builds-of-brands", "default", *brands}
    assert "brandrelease-builds" not in {each["metadata"].get("namespace") for each in rendered}


def test_everything_bears_our_label_so_that_what_is_left_could_be_found(helm: Helm) -> None:
    labels = [each["metadata"]["labels"]["app.kubernetes.io/part-of"] for each in objects(helm, EVERYTHING)]
    assert set(labels) == {"brandrelease"}


def test_the_alerts_are_those_that_are_played_in_stories(helm: Helm) -> None:
    (rule,) = of_kind(objects(helm, EVERYTHING), "PrometheusRule")
    source = install_manifest.DEPLOY / "observability" / "alerts.yaml"
    assert rule["spec"] == yaml.safe_load(source.read_text("utf-8"))


def test_the_service_monitor_finds_the_service(helm: Helm) -> None:
    rendered = objects(helm, EVERYTHING)
    (monitor,), (service,) = of_kind(rendered, "ServiceMonitor"), of_kind(rendered, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["honorLabels"], "namespace and name are those of the BrandRelease"


# --- rights -------------------------------------------------------------------------------------------------------------


def granted(rules: list[Object]) -> set[tuple[Any, ...]]:
    return {
        (*rule["apiGroups"], *rule["resources"], verb, tuple(rule.get("resourceNames", ())))
        for rule in rules
        for verb in rule["verbs"]
    }


def of_table(grant: Grant) -> set[tuple[Any, ...]]:
    return {(p.resource.group, p.kind, verb.value, ()) for p in grant.permissions for verb in p.verbs}


def roles(rendered: list[Object]) -> dict[tuple[str, str, str], set[tuple[Any, ...]]]:
    """By kind, name and namespace."""
    return {
        (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace", "")): granted(each["rules"])
        for each in rendered
        if each["kind"] in {"Role", "ClusterRole"}
    }


def bound(rendered: list[Object]) -> set[tuple[str, str, str]]:
    """Kind and name of what is bound to the operator, and where."""
    bindings = [each for each in rendered if each["kind"].endswith("Binding") and "roleRef" in each]
    for each in bindings:
        assert each["subjects"] == [{"kind": "ServiceAccount", "name": "brandrelease", "namespace": SYSTEM}]
    return {(b["roleRef"]["kind"], b["roleRef"]["name"], b["metadata"].get("namespace", "")) for b in bindings}


@pytest.mark.parametrize("values", [LEAST, EVERYTHING], ids=["ClusterWide", "Namespaces"])
def test_the_roles_are_the_table_of_permissions(helm: Helm, values: Object) -> None:
    builds = values.get("builds", {}).get("namespace", "brandrelease-builds")
    places = {OWN: SYSTEM, BUILDS: builds, DEFAULT: "default"}
    grants = [grant for grant in GRANTS if values is LEAST or grant is not EVERYWHERE]
    assert roles(objects(helm, values)) == {
        ("Role" if grant in places else "ClusterRole", grant.role, places.get(grant, "")): of_table(grant)
        for grant in grants
    }


def test_cluster_wide_sees_everything_and_changes_what_was_named(helm: Helm) -> None:
    everywhere = {("ClusterRole", CLUSTER.role, ""), ("ClusterRole", EVERYWHERE.role, "")}
    fixed = {
        ("Role", OWN.role, SYSTEM),
        ("Role", BUILDS.role, "brandrelease-builds"),
        ("Role", DEFAULT.role, "default"),
    }
    assert bound(objects(helm, LEAST)) == everywhere | fixed
    named = {**LEAST, "brandNamespaces": [{"name": "drumeo-production"}]}
    assert bound(objects(helm, named)) == everywhere | fixed | {("ClusterRole", BRAND.role, "drumeo-production")}


def test_in_namespaces_it_gets_what_each_of_them_says(helm: Helm) -> None:
    rendered = objects(helm, EVERYTHING)
    assert bound(rendered) - {("Role", OWN.role, SYSTEM), ("Role", DEFAULT.role, "default")} == {
        ("ClusterRole", CLUSTER.role, ""),
        ("Role", BUILDS.role, "builds-of-brands"),
        ("ClusterRole", BRAND.role, "drumeo-production"),
        ("ClusterRole", HOOKS.role, "drumeo-production"),
        ("ClusterRole", SECRETS_IN_LOGS.role, "drumeo-production"),
        ("ClusterRole", BRAND.role, "drumeo-staging"),
    }
    assert environment(rendered)["BRANDRELEASE_WATCH_NAMESPACES"] == "drumeo-production,drumeo-staging"
    assert environment(objects(helm, LEAST))["BRANDRELEASE_WATCH_NAMESPACES"] == ""


def environment(rendered: list[Object]) -> dict[str, str]:
    (deployment,) = of_kind(rendered, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


# --- values -------------------------------------------------------------------------------------------------------------


def leaves(group: type[BaseModel], *prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in group.model_fields.items():
        inner, path = field.annotation, (*prefix, field.alias or name)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, *path)
        else:
            yield path


def without(values: Object, path: tuple[str, ...]) -> Object | None:
    """The values without the one at the path; None if it is not among them."""
    changed = copy.deepcopy(values)
    place = changed
    for part in path[:-1]:
        place = place.get(part, {})
    return changed if place.pop(path[-1], None) is not None else None


def test_no_value_is_without_effect(helm: Helm) -> None:
    """For each there is a set of values of which something else comes, or a refusal, when this one is left out."""
    bases = [(values, text(helm, values)) for values in SETS.values()]

    def comes_of(values: Object) -> str:
        try:
            return text(helm, values)
        except HelmError as refused:
            return str(refused)

    def has_effect(path: tuple[str, ...]) -> bool:
        tried = ((without(values, path), whole) for values, whole in bases)
        return any(rest is not None and comes_of(rest) != whole for rest, whole in tried)

    paths = list(leaves(Values))
    with ThreadPoolExecutor(4) as pool:
        assert [
            ".".join(path) for path, effect in zip(paths, pool.map(has_effect, paths), strict=True) if not effect
        ] == []


REFUSED: dict[str, tuple[Object, str]] = {
    "a typing error": ({"replica": 3}, "additional properties 'replica' not allowed"),
    "a typing error further in": ({"builds": {"maxConcurent": 3}}, "additional properties 'maxConcurent' not allowed"),
    "a typing error in a list": (
        {"brandNamespaces": [{"name": "drumeo-production", "hook": True}]},
        "additional properties 'hook' not allowed",
    ),
    "too many replicas": ({"replicas": 9}, "maximum: got 9, want 5"),
    "no shard": ({"shards": 0}, "minimum: got 0, want 1"),
    "a shard by the back door": (
        {"env": {"BRANDRELEASE_SHARD": "0/2"}},
        "env sets BRANDRELEASE_SHARD, which the chart",
    ),
    "a word for a number": ({"workers": "many"}, "got string, want integer"),
    "a mode that there is not": ({"rbac": {"mode": "Everything"}}, "must be one of 'ClusterWide', 'Namespaces'"),
    "a digest that is none": ({"image": {"repository": "r", "digest": "latest"}}, "does not match pattern"),
    "a level that there is not": ({"log": {"level": "trace"}}, "must be one of 'debug', 'info', 'warning', 'error'"),
    "no image": ({"image": {"repository": ""}}, "image.repository says where the operator's image is, and is empty"),
    "namespaces without any": ({"rbac": {"mode": "Namespaces"}}, "Name the namespaces of the brands there"),
    "builds beside the operator": ({"builds": {"namespace": SYSTEM}}, "give builds a namespace of their own"),
    "a brand in the build namespace": (
        {"brandNamespaces": [{"name": "brandrelease-builds"}]},
        "brandNamespaces names brandrelease-builds, in which the operator must not be able to release",
    ),
    "a brand in kube-system": (
        {"brandNamespaces": [{"name": "kube-system"}]},
        "Give each brand a namespace of its own",
    ),
    "a namespace twice": ({"brandNamespaces": [{"name": "a"}, {"name": "a"}]}, "brandNamespaces names a twice"),
    "a role and keys": (
        {"aws": {"roleArn": "arn:aws:iam::123456789012:role/r", "secretName": "keys"}},
        "the keys in the Secret would go before the role",
    ),
    "a token for no role": ({"aws": {"webhook": False}}, "aws.roleArn names none"),
    "a board for nobody knows whom": ({"board": {"enabled": True}}, "nothing says who may look"),
    "a board with a token and without": (
        {"board": {"enabled": True, "open": True, "tokenSecretName": "board"}},
        "board.open and board.tokenSecretName are both set",
    ),
    "a setting of the chart by the back door": (
        {"env": {"BRANDRELEASE_WATCH_NAMESPACES": "x"}},
        "env sets BRANDRELEASE_WATCH_NAMESPACES, which the chart sets",
    ),
}


@pytest.mark.parametrize(("values", "words"), REFUSED.values(), ids=REFUSED)
def test_what_would_have_no_effect_or_a_bad_one_is_refused(helm: Helm, values: Object, words: str) -> None:
    with pytest.raises(HelmError) as refused:
        text(helm, {**LEAST, **values})
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("board", "told"),
    [
        ({}, ("off", None)),
        ({"enabled": True, "open": True}, ("open", None)),
        ({"enabled": True, "tokenSecretName": "board"}, ("token", "/etc/brandrelease/board/token")),
    ],
    ids=str,
)
def test_the_board_is_off_open_or_behind_a_token(helm: Helm, board: Object, told: tuple[str, str | None]) -> None:
    found = environment(objects(helm, {**LEAST, "board": board}))
    assert (found["BRANDRELEASE_BOARD"], found.get("BRANDRELEASE_BOARD_TOKEN_FILE")) == told


def test_the_chart_can_be_part_of_another(helm: Helm) -> None:
    assert text(helm, {**LEAST, "global": {"of": "the other"}}) == text(helm, LEAST)
