"""The command line as scripts use it: on the real API server, with the operator at work. No terminal: plain lines."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from apiserver.objects import RELEASES
from apiserver.shop import Environment, Shop
from support.command_line import CommandLine, Said

READ = ["get", "list", "watch"]

pytestmark = pytest.mark.timeout(75, func_only=True)


@pytest.fixture
def command(shop: Shop) -> CommandLine:
    return shop.command


@pytest.fixture
def environment(shop: Shop) -> Environment:
    return shop.environment()


def plain(said: Said) -> list[str]:
    """The lines, in which nothing steers a terminal."""
    assert "\x1b" not in said.out + said.err
    return said.out.splitlines()


# --- releases ---------------------------------------------------------------------------------------------------------


def test_a_first_deploy_makes_the_object_follows_it_to_its_end_and_says_who_asked(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    env, commit = environment.name, environment.push()
    assert f"deploy {shop.name} {env} --ref <branch>" in command("deploy", shop.name, env).ends(64).err
    lines = plain(command("deploy", shop.name, env, "--ref", environment.branch, "--wait").ends(0))
    made = environment.release()["metadata"]["name"]
    assert lines[0] == f"Made BrandRelease {shop.name}/{made} and asked for {env} of {shop.name} in {env}."
    assert f"({commit[:12]}) is live" in lines[-1]
    assert all(re.match(r"\d\d:\d\d:\d\dZ  [A-Z][A-Za-z]+ +\S", line) for line in lines[1:]), lines
    table = plain(command("history", shop.name, env).ends(0))
    assert table[1].split()[:6] == ["*", "1", "Succeeded", "Succeeded", commit[:12], "ada"]
    past = json.loads(command("history", shop.name, env, "-o", "json").ends(0).out)
    assert [(each["number"], each["requestedBy"]) for each in past] == [(1, "ada")]
    told = plain(command("status", shop.name, env).ends(0))
    assert told[0] == f"{shop.name} {env}   Live"
    assert any(f"1, {commit[:12]} of refs/heads/{env}, asked for by ada at " in line for line in told)
    rows = [line.split() for line in plain(command("status", shop.name).ends(0))]
    assert [shop.name, env, env, commit[:12], "Live", "Succeeded"] in [row[:6] for row in rows]


def test_a_release_that_crashes_is_rolled_back_with_exit_code_1(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    good = environment.is_live()
    with shop.without_new_pods():
        bad = environment.push()
        waiting = command.begin("deploy", shop.name, environment.name, "--wait")
        environment.comes_to("Deploying")
        environment.pod("bbbbb", crashes=True)
        environment.comes_to("RollingBack")
    out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 1, out + err
    assert "CrashLoopBackOff" in out or "exited with code" in out
    assert f"What to do: brandrelease explain {shop.name} {environment.name}" in out.splitlines()
    assert environment.status()["running"]["commit"] == good
    explained = command("explain", shop.name, environment.name).ends(0).out
    assert "CrashLoopBackOff\n" in explained
    assert f'override {shop.name} {environment.name} {bad[:12]} "<why>"' in explained
    again = command("retry", shop.name, environment.name, "--wait").ends(3)
    assert bad[:12] in again.out
    assert "  CommitQuarantined  " in command("status", shop.name).ends(0).out
    overridden = command("override", shop.name, environment.name, bad[:8], "it was the cache", "--wait").ends(0)
    assert f"Asked to let {bad[:12]} through." in overridden.out
    assert environment.status()["running"]["commit"] == bad


def test_a_rollback_names_no_number_and_gets_the_release_before(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    env = environment.name
    first = environment.is_live()
    assert "no earlier release" in command("rollback", shop.name, env).ends(64).err
    assert "nothing to abort" in command("abort", shop.name, env).ends(64).err
    second = environment.push()
    command("deploy", shop.name, env, "--wait").ends(0)
    assert "Those that were live: 2, 1." in command("rollback", shop.name, env, "7").ends(64).err
    said = command("rollback", shop.name, env, "--why", "search is broken", "--wait").ends(0)
    assert "Asked for the image of release 1." in said.out
    status = environment.status()
    assert status["running"]["commit"] == first
    assert status["lastHandled"]["rollbackTo"].startswith("1 search is broken (")
    assert [entry["commit"] for entry in status["quarantine"]] == [second]
    refused = command("rollback", shop.name, env, "2", "--wait").ends(2)
    assert "was not carried out" in refused.out


def test_an_abort_gives_up_what_is_in_flight(command: CommandLine, shop: Shop, environment: Environment) -> None:
    env = environment.name
    environment.is_live()
    commit = environment.site.repository.commit({"page": "without an image"}, branch=environment.branch)
    waiting = command.begin("deploy", shop.name, env, "--wait")
    environment.comes_to("Building")
    said = command("abort", shop.name, env, "--why", "wrong branch", "--wait").ends(0)
    out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 2, out + err
    assert "did not go out: " in out
    assert commit[:12] in said.out
    assert environment.status()["current"]["outcome"] == "Aborted"


def test_a_promotion_takes_the_same_commit_and_the_same_image(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    commit, target = environment.is_live(), shop.environment()
    assert "same environment" in command("promote", shop.name, environment.name, environment.name).ends(64).err
    said = command("promote", shop.name, environment.name, target.name, "--wait").ends(0)
    image = environment.status()["running"]["image"]
    assert target.status()["running"]["image"] == image
    assert f"{environment.name} and {target.name} run {commit[:12]} as {image}." in said.out
    assert f"deploy {shop.name} {target.name} --ref {environment.branch}" in said.out
    assert target.release()["spec"]["ref"] == commit


def test_what_blocks_a_release_is_told_with_an_exit_code_of_its_own(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    env = environment.name
    said = command("deploy", shop.name, env, "--ref", "no-such-branch", "--wait").ends(3)
    assert "no-such-branch" in said.out.splitlines()[-2]
    assert "  Blocked  " in said.out
    command("suspend", shop.name, env, "--wait").ends(0)
    suspended = command("deploy", shop.name, env, "--wait").ends(3)
    assert "spec.suspend" in suspended.out
    assert f"resume {shop.name} {env}" in command("explain", shop.name, env).ends(0).out
    commit = environment.push()
    command("deploy", shop.name, env, "--ref", environment.branch).ends(0)
    assert f"({commit[:12]}) is live" in command("resume", shop.name, env, "--wait").ends(0).out


def test_a_release_that_takes_longer_than_the_limit_goes_on_in_the_cluster(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    with shop.without_new_pods():
        commit = environment.push()
        words = ("deploy", shop.name, environment.name, "--ref", environment.branch, "--wait", "--timeout", "3s")
        said = command(*words).ends(4)
        assert said.out.splitlines()[-1].startswith("Not at its end after 3 s; it goes on in the cluster.")
    environment.comes_to("Live")
    assert environment.status()["running"]["commit"] == commit


def test_a_release_that_a_newer_one_replaces_has_failed_for_whoever_waits_for_it(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    environment.is_live()
    lost = environment.site.repository.commit({"page": "without an image"}, branch=environment.branch)
    waiting = command.begin("deploy", shop.name, environment.name, "--wait")
    environment.comes_to("Building")
    environment.site.push(f"{environment.branch}-other")
    command("deploy", shop.name, environment.name, "--ref", f"{environment.branch}-other").ends(0)
    out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 2, out + err
    assert "did not go out" in out
    assert lost[:12] in out


def test_the_object_is_printed_for_programs(command: CommandLine, shop: Shop, environment: Environment) -> None:
    commit = environment.push()
    words = ("deploy", shop.name, environment.name, "--ref", environment.branch, "--wait", "-o", "yaml")
    assert yaml.safe_load(command(*words).ends(0).out)["status"]["running"]["commit"] == commit
    listed = json.loads(command("status", "-o", "json").ends(0).out)
    assert environment.name in {each["spec"]["environment"] for each in listed["items"]}
    one = json.loads(command("status", shop.name, environment.name, "-o", "json").ends(0).out)
    assert one["kind"] == "BrandRelease"
    asked = yaml.safe_load(command("suspend", shop.name, environment.name, "-o", "yaml").ends(0).out)
    assert asked["spec"]["suspend"] is True
    watched = command("status", shop.name, environment.name, "--watch", "--timeout", "2s", "-o", "yaml").ends(0).out
    assert {each["kind"] for each in yaml.safe_load_all(watched)} == {"BrandRelease"}


def test_all_environments_can_be_watched_as_lines(command: CommandLine, shop: Shop, environment: Environment) -> None:
    watching = command.begin("status", shop.name, "--watch", "--timeout", "25s")
    environment.is_live()
    out, err = watching.communicate(timeout=40)
    assert watching.returncode == 0, err
    assert re.search(rf"(?m)^\d\d:\d\d:\d\dZ  {shop.name}  {environment.name}  .*  Live  Succeeded$", out), out


# --- who may what -----------------------------------------------------------------------------------------------------


def test_rights_in_one_namespace_and_to_read_brands_are_enough(shop: Shop, environment: Environment) -> None:
    group = ["brandrelease.dev"]
    developer = shop.somebody(
        "developer",
        {"apiGroups": group, "resources": ["brandreleases"], "verbs": [*READ, "create", "patch"]},
        everywhere=({"apiGroups": group, "resources": ["brands"], "verbs": READ},),
    )
    commit = environment.push()
    words = ("deploy", shop.name, environment.name, "--ref", environment.branch, "--wait", "--as-name", "Zoë Q")
    assert f"({commit[:12]}) is live" in developer(*words).ends(0).out
    assert environment.status()["history"][0]["requestedBy"] == "Zo-Q"
    assert any(commit[:12] in line for line in plain(developer("status").ends(0)))
    told = developer("doctor")
    assert "may not read logs in all namespaces" in told.out
    assert "Only an administrator may ask" in told.out


def test_what_is_not_allowed_is_told_in_a_sentence(shop: Shop) -> None:
    stranger = shop.somebody("stranger")
    for words in (("status",), ("deploy", shop.name, "e0", "--ref", "x")):
        said = stranger(*words).ends(69)
        assert "The cluster does not allow it: " in said.err
        assert len(said.err.splitlines()) == 1


# --- what is in the way -----------------------------------------------------------------------------------------------


def test_a_ref_that_git_keeps_is_not_changed_beside_git(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    environment.is_live()
    name = environment.name
    path = f"{RELEASES.format(shop.name)}/{name}"
    spec = {"brand": shop.name, "environment": name, "ref": environment.branch}
    body = {"apiVersion": "brandrelease.dev/v1alpha1", "kind": "BrandRelease", "metadata": {"name": name}, "spec": spec}
    shop.site.api.apply(path, body, "kustomize-controller").expect(200)
    refused = command("deploy", shop.name, name, "--ref", "other").ends(64)
    assert "is kept by kustomize-controller" in refused.err
    assert environment.release()["spec"]["ref"] == environment.branch
    command("deploy", shop.name, name, "--ref", "other", "--force").ends(0)
    assert environment.release()["spec"]["ref"] == "other"


def test_names_that_are_wrong_are_answered_with_those_that_are_right(command: CommandLine, shop: Shop) -> None:
    assert f'Did you mean "{shop.name}"' in command("status", f"{shop.name}x", "e0").ends(64).err
    assert f'Did you mean "{shop.name}"' in command("status", f"{shop.name}x").ends(64).err
    assert 'The environments are "e0", "e1"' in command("deploy", shop.name, "production").ends(64).err
    assert "is no reason" in command("explain", "NoSuchReason").ends(64).err


def test_what_the_api_server_refuses_is_told_in_its_words(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    said = command("deploy", shop.name, environment.name, "--ref", "abc1234").ends(69)
    assert "The cluster refuses it: " in said.err
    assert "looks like a shortened commit id" in said.err


def test_a_cluster_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    nowhere = tmp_path / "kubeconfig"
    cluster = {"server": "http://127.0.0.1:9"}
    nowhere.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    said = CommandLine(nowhere, tmp_path)("status").ends(69)
    assert "Is the cluster up" in said.err
    assert len(said.err.splitlines()) == 1, said.err
    ill = CommandLine(nowhere, tmp_path)("doctor").ends(2)
    assert "1 problem found." in ill.out
    missing = CommandLine(tmp_path / "absent", tmp_path)("status").ends(69)
    assert "KUBECONFIG" in missing.err
    assert len(missing.err.splitlines()) == 1, missing.err


def test_output_that_nobody_reads_any_more_ends_quietly(command: CommandLine) -> None:
    script = 'brandrelease explain CrashLoopBackOff | true; exit "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ("bash", "-c", script), env=command.environment, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode in {0, 141}, done
    assert done.stderr == ""


# --- to look at -------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_what_is_ill_and_says_what_to_do(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    shop.site.release("no-such-branch", environment.number)
    environment.comes_to("Blocked")
    ill = command("doctor").ends(2)
    assert "  ok   The cluster serves brandreleases.brandrelease.dev as v1alpha1." in ill.out
    assert f"  BAD  {shop.name} {environment.name}: RefNotFound." in ill.out
    assert f"What to do: brandrelease explain {shop.name} {environment.name}" in ill.out
    assert f"Brand {shop.name}: the operator reaches git, registry" in ill.out
    assert "system:serviceaccount:brandrelease-system:brandrelease may not: " in ill.out
    told = json.loads(command("doctor", "-o", "json").ends(2).out)
    assert {each["state"] for each in told} == {"ok", "bad", "unknown"}


def test_the_difference_lists_commits_and_migrations(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    env = environment.name
    old = environment.is_live()
    files = {"page": "next", "database/migrations/2026_add_courses.php": "<?php"}
    new = environment.site.repository.commit(files, branch=environment.branch, message="Add courses")
    environment.change(hooks={"preDeploy": {"command": ["php", "artisan", "migrate"]}})
    said = command("diff", shop.name, env).ends(0)
    assert f"runs {old[:12]}; {env} is {new[:12]}: 1 commit" in said.out
    assert "Add courses" in said.out
    assert "migration  database/migrations/2026_add_courses.php" in said.out
    assert "this runs: php artisan migrate (1 migration among them)." in said.out
    told = json.loads(command("diff", shop.name, env, "-o", "json").ends(0).out)
    assert [each["commit"] for each in told["commits"]] == [new]
    assert "Nothing" in command("diff", shop.name, env, "--ref", old).ends(0).out
    assert "try the same with git" in command("diff", shop.name, env, "--ref", "no-such").ends(69).err


def test_logs_tell_what_is_kept_where_no_pod_is_there(
    command: CommandLine, shop: Shop, environment: Environment
) -> None:
    environment.is_live()
    said = command("logs", shop.name, environment.name).ends(0)
    assert said.out == "No pod of release 1 is there that has printed anything.\n"
    followed = command("logs", shop.name, environment.name, "--follow").ends(0)
    assert followed.out == said.out


# --- completion -------------------------------------------------------------------------------------------------------


def test_completion_knows_brands_and_environments(command: CommandLine, shop: Shop) -> None:
    def offered(*words: str) -> list[str]:
        return command("__complete", *words).ends(0).out.split()

    assert shop.name in offered("deploy", "")
    assert offered("deploy", shop.name, "e1")[0] == "e1"
    assert "e1" in offered("promote", shop.name, "e0", "")
    assert "e0" not in offered("promote", shop.name, "e0", "")
    assert offered("deploy", "--ref", "x", shop.name, "e0", "") == []


def test_bash_completes_what_is_typed(command: CommandLine, shop: Shop) -> None:
    script = f"""
        source <(brandrelease completion bash)
        ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _brandrelease; echo "${{COMPREPLY[*]}}"; }}
        ask brandrelease dep
        ask brandrelease deploy {shop.name[:-1]}
        complete -p brandrelease kubectl-brandrelease
    """
    done = subprocess.run(
        ("bash", "-c", script), env=command.environment, capture_output=True, text=True, check=False, timeout=20
    )
    first, second, *bound = done.stdout.splitlines()
    assert (first, shop.name in second.split()) == ("deploy", True), done.stderr
    assert len(bound) == 2


def test_kubectl_finds_the_plugin_and_completes_it(command: CommandLine, shop: Shop) -> None:
    kubectl = str(shop.site.server.kubectl)

    def asked(*words: str) -> str:
        return subprocess.run(
            (kubectl, *words), env=command.environment, capture_output=True, text=True, check=True, timeout=20
        ).stdout

    assert "usage: kubectl brandrelease" in asked("brandrelease", "--help")
    assert asked("__complete", "brandrelease", "dep").splitlines()[0] == "deploy"
    assert shop.name in asked("__complete", "brandrelease", "deploy", shop.name[:-1]).splitlines()
