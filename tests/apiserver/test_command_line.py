"""The command line as scripts use it: on the real API server, with the operator at work. No terminal: plain lines."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from apiserver.objects import RELEASES
from apiserver.operated_site import Site
from cluster.api import ApiServer
from support.command_line import CommandLine, Said


@pytest.fixture
def command(site: Site, api_server: ApiServer, tmp_path: Path) -> CommandLine:
    site.brand(environments=2)
    site.start()
    return CommandLine(api_server.kubeconfig, tmp_path)


# --- releases ---------------------------------------------------------------------------------------------------------


def test_a_first_deploy_makes_the_object_follows_it_to_its_end_and_says_who_asked(
    command: CommandLine, site: Site
) -> None:
    commit = site.push("master")
    said = command("deploy", site.name, "e0", "--ref", "master", "--wait").ends(0)
    lines = said.out.splitlines()
    assert lines[0] == f"Made BrandRelease {site.name}/{site.name} and asked for master of {site.name} in e0."
    assert f"({commit[:12]}) is live" in lines[-1]
    assert [line for line in lines if re.match(r"\d\d:\d\d:\d\d  Deploying ", line)], said.out
    table = command("history", site.name, "e0").ends(0).out.splitlines()
    assert table[1].split()[:6] == ["*", "1", "Succeeded", "Succeeded", commit[:12], "ada"]
    past = json.loads(command("history", site.name, "e0", "-o", "json").ends(0).out)
    assert [(each["number"], each["requestedBy"]) for each in past] == [(1, "ada")]
    told = command("status", site.name, "e0").ends(0).out
    assert f"release 1, {commit[:12]}" in told
    assert "rollout" in told
    assert command("status", site.name).ends(0).out.splitlines()[1].split()[:5] == [
        site.name,
        "e0",
        "master",
        commit[:12],
        "Live",
    ]


def test_a_rollback_names_no_number_and_gets_the_release_before(command: CommandLine, site: Site) -> None:
    first, second = site.is_live(), site.push("master")
    command("deploy", site.name, "e0", "--wait").ends(0)
    said = command("rollback", site.name, "e0", "--why", "search is broken", "--wait").ends(1)
    assert "Asked for the image of release 1." in said.out
    status = site.status()
    assert status["running"]["commit"] == first
    assert status["lastHandled"]["rollbackTo"].startswith("1 search is broken (")
    assert [entry["commit"] for entry in status["quarantine"]] == [second]
    refused = command("retry", site.name, "e0", "--wait").ends(3)
    assert "CommitQuarantined" in command("status", site.name).out
    assert "rollbackTo" in refused.out
    explained = command("explain", site.name, "e0").ends(0).out
    assert "CommitQuarantined: " in explained
    again = command("override", site.name, "e0", second, "it was the cache", "--wait").ends(0)
    assert "is live" in again.out


def test_a_promotion_takes_the_same_commit_and_the_same_image(command: CommandLine, site: Site) -> None:
    commit = site.is_live()
    said = command("promote", site.name, "e0", "e1", "--wait").ends(0)
    running = [
        site.api.get(f"{RELEASES.format(site.name)}/{name}").body["status"]["running"] for name in ("e0", site.name)
    ]
    assert running[0]["image"] == running[1]["image"]
    assert f"e0 and e1 run {commit[:12]} as {running[0]['image']}." in said.out


def test_what_blocks_a_release_is_told_with_an_exit_code_of_its_own(command: CommandLine, site: Site) -> None:
    site.push("master")
    said = command("deploy", site.name, "e0", "--ref", "no-such-branch", "--wait").ends(3)
    assert "no-such-branch" in said.out.splitlines()[-1]
    site.is_live(number=1)
    command("suspend", site.name, "e1").ends(0)
    suspended = command("deploy", site.name, "e1", "--wait").ends(3)
    assert "spec.suspend" in suspended.out
    command("resume", site.name, "e1").ends(0)


def test_a_release_that_takes_longer_than_the_limit_goes_on_in_the_cluster(command: CommandLine, site: Site) -> None:
    site.controller.plays.clear()
    commit = site.push("master")
    said = command("deploy", site.name, "e0", "--ref", "master", "--wait", "--timeout", "4").ends(4)
    assert "it goes on in the cluster" in said.out
    site.controller.plays.set()
    path = f"{RELEASES.format(site.name)}/{site.name}"
    site.until(
        "it is live",
        lambda: site.api.get(path).body.get("status", {}).get("running", {}).get("commit") == commit,
        20,
    )


def test_a_release_that_a_newer_one_replaces_has_failed_for_whoever_waits_for_it(
    command: CommandLine, site: Site
) -> None:
    site.is_live()
    lost = site.repository.commit({"page": "without an image"}, branch="master")
    waiting = command.begin("deploy", site.name, "e0", "--wait")
    site.until("it waits for its image", lambda: site.status()["phase"] == "Building", 20)
    site.is_live("other")
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 2, out + err
    assert "did not go out" in out.splitlines()[-1]
    assert lost[:12] in out


def test_the_object_is_printed_for_programs(command: CommandLine, site: Site) -> None:
    commit = site.push("master")
    said = command("deploy", site.name, "e0", "--ref", "master", "--wait", "-o", "yaml").ends(0)
    assert yaml.safe_load(said.out)["status"]["running"]["commit"] == commit
    listed = json.loads(command("status", "-o", "json").ends(0).out)
    assert site.name in {each["metadata"]["namespace"] for each in listed["items"]}


# --- what is in the way -----------------------------------------------------------------------------------------------


def test_a_ref_that_git_keeps_is_not_changed_beside_git(command: CommandLine, site: Site) -> None:
    site.is_live()
    path = f"{RELEASES.format(site.name)}/e0"
    spec = {"brand": site.name, "environment": "e0", "ref": "master"}
    body = {"apiVersion": "brandrelease.dev/v1alpha1", "kind": "BrandRelease", "metadata": {"name": "e0"}, "spec": spec}
    site.api.apply(path, body, "kustomize-controller").expect(200)
    refused = command("deploy", site.name, "e0", "--ref", "other").ends(64)
    assert "is kept by kustomize-controller" in refused.err
    assert site.object()["spec"]["ref"] == "master"
    command("deploy", site.name, "e0", "--ref", "other", "--force").ends(0)
    assert site.object()["spec"]["ref"] == "other"


def test_names_that_are_wrong_are_answered_with_those_that_are_right(command: CommandLine, site: Site) -> None:
    assert f'Did you mean "{site.name}"' in command("status", f"{site.name}x", "e0").ends(64).err
    assert 'The environments are "e0" and "e1"' in command("deploy", site.name, "production").ends(64).err
    assert "deploy" in command("history", site.name, "e0").ends(64).err
    assert "--ref" in command("deploy", site.name, "e0").ends(64).err
    assert "nothing to abort" in _after_a_release(command, site, "abort").err
    assert "no earlier release" in command("rollback", site.name, "e0").ends(64).err


def _after_a_release(command: CommandLine, site: Site, word: str) -> Said:
    site.is_live()
    return command(word, site.name, "e0").ends(64)


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
    assert "Traceback" not in said.err
    missing = CommandLine(tmp_path / "absent", tmp_path)("status").ends(69)
    assert "KUBECONFIG" in missing.err
    assert len(missing.err.splitlines()) == 1, missing.err


# --- to look at -------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_what_is_ill_and_says_what_to_do(command: CommandLine, site: Site) -> None:
    site.is_live()
    said = command("doctor")
    assert "ok   The cluster serves brandreleases.brandrelease.dev as v1alpha1." in said.out
    site.release("no-such-branch")
    site.until("it is refused", lambda: site.status()["phase"] == "Blocked", 20)
    ill = command("doctor").ends(2)
    assert f"BAD  {site.name} e0: " in ill.out


def test_the_difference_lists_commits_and_migrations(command: CommandLine, site: Site) -> None:
    old = site.is_live()
    files = {"page": "next", "database/migrations/2026_add_courses.php": "<?php"}
    new = site.repository.commit(files, branch="master", message="Add courses")
    said = command("diff", site.name, "e0").ends(0)
    assert f"runs {old[:12]}; master is {new[:12]}: 1 commit" in said.out
    assert "Add courses" in said.out
    assert "migration  database/migrations/2026_add_courses.php" in said.out
    told = json.loads(command("diff", site.name, "e0", "-o", "json").ends(0).out)
    assert [each["commit"] for each in told["commits"]] == [new]
    assert "Nothing" in command("diff", site.name, "e0", "--ref", old).ends(0).out


def test_completion_knows_commands_options_brands_and_environments(command: CommandLine, site: Site) -> None:
    def offered(*words: str) -> list[str]:
        return command("__complete", *words).ends(0).out.split()

    assert offered("dep") == ["deploy"]
    assert "--ref" in offered("deploy", "--")
    assert site.name in offered("deploy", "")
    assert offered("deploy", site.name, "") == ["e0", "e1"]
    assert offered("promote", site.name, "e0", "") == ["e0", "e1"]
    assert offered("deploy", site.name, "e0", "") == []
    script = command("completion", "bash").ends(0).out
    assert subprocess.run(("bash", "-n"), input=script, text=True, check=False).returncode == 0
