"""What the pages tell people to type, and to write, is taken by a real API server with the operator at work.

Where a command is run that is not run here: tests/support/where_commands_run.py.
"""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from apiserver.documented_stage import Stage, stage
from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.codegen.api_page import examples
from brandrelease.codegen.crd import BRAND, BRAND_RELEASE
from support.documents import PAGES, ROOT, Command, commands, yaml_blocks
from support.kubectl import Kubectl, eventually
from support.where_commands_run import SENTENCE, program, why_elsewhere

Object = dict[str, Any]

OF_OTHERS: Final = {
    "aws": "values of our chart, which tests of the chart render",
    "brandNamespaces": "values of our chart, which tests of the chart render",
    "env": "a part of a Deployment",
    "envFrom": "a part of a Deployment",
    "healthChecks": "a part of a Kustomization of Flux",
    "ingress": "a part of a NetworkPolicy",
    "patches": "a part of a kustomization",
    "resources": "a kustomization",
    "shards": "values of our chart, which tests of the chart render",
    "version": "a buildspec",
}
"""A field by which a block is seen to be no object of ours, and what it is then."""

GROUPS_OF_OTHERS: Final = frozenset(
    {
        "argoproj.io",
        "kustomize.config.k8s.io",
        "kustomize.toolkit.fluxcd.io",
        "monitoring.coreos.com",
        "source.toolkit.fluxcd.io",
    }
)
"""Which the API server does not know without other programs' CRDs."""

PARTS_OF_A_BRAND: Final = frozenset({"source", "image", "build", "environments"})


@pytest.mark.timeout(300)  # 150 commands
def test_every_command_of_the_pages_does_what_it_is_for(tmp_path: Path) -> None:
    with stage(tmp_path) as told:
        a_backup_brings_back_what_was_known(told)
        # Each once: pages say the same in many places.
        typed = {command.text: command for page in PAGES for command in commands(page) if not why_elsewhere(command)}
        done = told.play(list(typed.values()), 180)
        failed = [each.told for each in done if each.code]
        assert not failed, "\n".join([*failed, SENTENCE])
        assert len(done) == len(typed), f"it hung at {list(typed.values())[len(done)].place}"


def a_backup_brings_back_what_was_known(told: Stage) -> None:
    """As docs/operations.md says; the scale to 0 is played."""
    before = told.status()
    told.operator.kill()
    keep, *again = [each for each in commands(ROOT / "docs/operations.md") if "brandreleases.json" in each.text]
    lost = Command(keep.page, keep.line, "kubectl delete brandreleases --all --all-namespaces")
    assert [each.told for each in told.play([keep, lost, *again], 30) if each.code] == []
    told.operator.start()
    eventually(lambda: told.status().get("observedGeneration") == 1, 30, told.status)
    known = ("current", "running", "history", "quarantine", "lastHandled")
    assert {name: told.status().get(name) for name in known} == {name: before.get(name) for name in known}


def test_kubectl_knows_every_option_of_the_commands_that_are_not_run(kubectl: Kubectl) -> None:
    """By its own help, which is there without a cluster."""
    asked = [command for page in PAGES for command in commands(page) if program(command) == "kubectl"]
    unknown = []
    for command in {each.text: each for each in asked if _is_only_parsed(each)}.values():
        verb, options = _verb_and_options(command)
        told = subprocess.run(
            [kubectl.program, *verb, "--help"], capture_output=True, text=True, timeout=20, check=True
        )
        everywhere = {"-n", "--namespace", "--context", "--kubeconfig", "--as"}
        known = everywhere | set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", told.stdout))
        unknown += [
            f"{command.place}: kubectl {' '.join(verb)} has no {option}" for option in options if option not in known
        ]
    assert not unknown


def _is_only_parsed(command: Command) -> bool:
    return bool(why_elsewhere(command)) and not command.text.startswith("kubectl brandrelease")


def _verb_and_options(command: Command) -> tuple[list[str], list[str]]:
    """The words that say what to do, and the options; letters that were put together are taken apart."""
    text = re.sub(r"\$\(.*\)", "", command.text.replace("\\\n", " ").splitlines()[0])
    words = text.partition(" -- ")[0].partition("#")[0].partition("|")[0].split()[1:]
    if words[0] == "-n":
        words = words[2:]
    verb = words[:2] if words[0] in {"rollout", "top"} else words[:1]
    options = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
    letters = [f"-{letter}" for option in options if option[1] != "-" for letter in option[1:]]
    return verb, [*letters, *(option for option in options if option[1] == "-")]


# --- what they show as YAML -------------------------------------------------------------------------------------------


def test_every_object_of_the_pages_is_taken(api: Api, kubectl: Kubectl) -> None:
    blocks = [block for page in PAGES for block in yaml_blocks(page)]
    parts = [(block, part) for block in blocks for part in yaml.safe_load_all(block.text)]
    looked_at = ((block, _trouble(api, kubectl, part)) for block, part in parts)
    assert [f"{block.place}: {trouble}" for block, trouble in looked_at if trouble] == []


def _trouble(api: Api, kubectl: Kubectl, part: Any) -> str:
    """Why the API server does not take it; empty if it does, or if it is nothing of ours."""
    if isinstance(part, list):
        return _refusal(api, _with_environment({"checks": part}))
    first = next(iter(part))
    if "kind" in part and part["apiVersion"].startswith("brandrelease.dev/"):
        return _refusal(api, part)
    if "kind" in part:
        if part["apiVersion"].partition("/")[0] not in GROUPS_OF_OTHERS:
            kubectl.run("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(_without_namespace(part)))
        return ""
    if OF_OTHERS.keys() & part.keys():
        return ""
    spec = part.get("spec", part)
    if set(spec) <= PARTS_OF_A_BRAND:
        return _refusal(api, brand({f"spec.{name}": value for name, value in spec.items()}))
    if first == "spec":
        return "" if "iam" in spec else "a `spec` of what? Write kind and apiVersion, or say in OF_OTHERS what it is"
    return _refusal(api, _with_environment(part))


def _without_namespace(part: Object) -> Object:
    """Its namespace is not there."""
    return part | {"metadata": {name: value for name, value in part["metadata"].items() if name != "namespace"}}


def _with_environment(part: Object) -> Object:
    return brand({"spec.environments": [{"name": "production", **part}]})


def _refusal(api: Api, body: Object) -> str:
    path = BRANDS if body["kind"] == "Brand" else RELEASES.format("default")
    answer = api.post(path, _in_default(body), dryRun="All")
    return "" if answer.code == 201 else answer.message


def _in_default(body: Object) -> Object:
    metadata = {name: value for name, value in body["metadata"].items() if name != "namespace"}
    return {**body, "metadata": metadata}


# --- docs/api.md ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", examples(BRAND), ids=lambda body: body["metadata"]["name"])
def test_the_examples_of_a_brand_are_taken_and_kept_whole(api: Api, body: Object) -> None:
    name = f"example-{body['metadata']['name']}"
    path = f"{BRANDS}/{name}"
    stored = api.post(BRANDS, {**body, "metadata": {"name": name}}).expect(201)
    kept = api.put(f"{path}/status", {**stored, "status": body.get("status", {})}).expect(200)
    api.delete(path).expect(200)
    assert _holds(kept["spec"], body["spec"])
    assert kept.get("status", {}) == body.get("status", {})
    assert Brand.from_object(kept)


@pytest.mark.parametrize("body", examples(BRAND_RELEASE), ids=lambda body: body["metadata"]["name"])
def test_the_examples_of_a_brandrelease_are_taken_and_kept_whole(api: Api, namespace: str, body: Object) -> None:
    path, name = RELEASES.format(namespace), body["metadata"]["name"]
    stored = api.post(path, _in_default(body)).expect(201)
    kept = api.put(f"{path}/{name}/status", {**stored, "status": body["status"]}).expect(200)
    assert _holds(kept["spec"], body["spec"])
    assert _holds(kept["status"], body["status"])
    assert BrandRelease.from_object(kept).status


def _holds(kept: Any, written: Any) -> bool:
    """Everything that was written is there; defaults may have come."""
    if isinstance(written, dict):
        return all(name in kept and _holds(kept[name], value) for name, value in written.items())
    if isinstance(written, list):
        return len(kept) == len(written) and all(map(_holds, kept, written))
    return bool(kept == written)
