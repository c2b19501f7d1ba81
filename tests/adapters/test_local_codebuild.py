"""The local CodeBuild by unmodified boto3: real builds, and the rules of its calls."""

import base64
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import images
from support.codebuild import CodeBuildServer, Limits, Script, ecr_host
from support.codebuild.calls import COMMIT, client, ended, exported, log, phase, poll, refusal, start
from support.git_server import GitServer, Repository, wait_for
from support.registry import RegistryServer, User


@pytest.fixture(scope="module")
def builder(registry: RegistryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeBuildServer]:
    """A server that builds for real."""
    with CodeBuildServer(tmp_path_factory.mktemp("builder"), registry=registry.host) as server:
        yield server


def site(builder: CodeBuildServer, git: GitServer, name: str) -> Repository:
    repository = git.repository(name)
    builder.create_project(name, repository.url, f"{builder.ecr.host}/sites/{name}")
    return repository


def dockerfile(builder: CodeBuildServer, line: str) -> dict[str, str]:
    return {"Dockerfile": f"FROM {images.push_to(images.BUSYBOX, builder.ecr.host)}\n{line}\n"}


def running(pattern: str) -> list[str]:
    """The processes of this machine whose command line is so."""
    found = subprocess.run(["pgrep", "-xf", pattern], capture_output=True, text=True, timeout=10, check=False)
    return found.stdout.split()


def test_a_good_commit_is_built_and_its_digest_is_told_by_the_build_by_ecr_and_by_the_registry(
    builder: CodeBuildServer, git: GitServer
) -> None:
    commit = site(builder, git, "good").commit(dockerfile(builder, "RUN echo hello > /hello"))
    build = ended(builder, start(builder, "good", commit))
    assert build["buildStatus"] == "SUCCEEDED", log(builder, build)
    assert build["resolvedSourceVersion"] == commit
    kinds = "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED"
    assert " ".join(each["phaseType"] for each in build["phases"]) == kinds
    digest = exported(build)["IMAGE_DIGEST"]
    asked = {"repositoryName": "sites/good", "imageIds": [{"imageTag": commit[:12]}]}
    [image] = client(builder, "ecr").describe_images(**asked)["imageDetails"]
    assert image["imageDigest"] == digest
    manifest = builder.ecr.manifest("sites/good", commit[:12])
    assert manifest is not None
    assert manifest.digest == digest
    assert "RUN echo hello > /hello" in log(builder, build)


def test_an_image_that_is_named_as_in_ecr_is_pushed_to_the_registry(builder: CodeBuildServer, git: GitServer) -> None:
    commit = site(builder, git, "named").commit(dockerfile(builder, "RUN true"))
    builder.create_project("named", git.url + "/named.git", f"{ecr_host('us-east-2')}/sites/named")
    build = ended(builder, start(builder, "named", commit))
    assert build["buildStatus"] == "SUCCEEDED", log(builder, build)
    manifest = builder.ecr.manifest("sites/named", commit[:12])
    assert manifest is not None
    assert manifest.digest == exported(build)["IMAGE_DIGEST"]


def test_an_image_of_another_account_is_not_pushed(builder: CodeBuildServer, git: GitServer) -> None:
    commit = site(builder, git, "foreign").commit(dockerfile(builder, "RUN true"))
    foreign = ecr_host("us-east-2").replace("123456789012", "210987654321")
    builder.create_project("foreign", git.url + "/foreign.git", f"{foreign}/sites/foreign")
    assert phase(ended(builder, start(builder, "foreign", commit)), "POST_BUILD")["phaseStatus"] == "FAILED"


def test_a_command_that_fails_fails_the_phase_build_and_the_log_tells_why(
    builder: CodeBuildServer, git: GitServer
) -> None:
    commit = site(builder, git, "bad").commit(dockerfile(builder, 'RUN echo "composer: no such package" && false'))
    build = ended(builder, start(builder, "bad", commit))
    assert build["buildStatus"] == "FAILED"
    failed = phase(build, "BUILD")
    assert failed["phaseStatus"] == "FAILED"
    assert failed["contexts"][0]["statusCode"] == "COMMAND_EXECUTION_ERROR"
    assert "exit status 1" in failed["contexts"][0]["message"]
    assert "composer: no such package" in log(builder, build)
    assert exported(build) == {}


def test_a_commit_that_the_repository_does_not_have_fails_the_download(
    builder: CodeBuildServer, git: GitServer
) -> None:
    site(builder, git, "absent").commit({"a": "b"})
    build = ended(builder, start(builder, "absent", "0" * 39 + "1"))
    assert phase(build, "DOWNLOAD_SOURCE")["phaseStatus"] == "FAILED"
    assert "not our ref" in log(builder, build)


def test_another_commit_than_the_one_that_was_asked_for_is_not_built(builder: CodeBuildServer, git: GitServer) -> None:
    commit = site(builder, git, "other").commit(dockerfile(builder, "RUN true"))
    overrides = [{"name": "GIT_COMMIT", "value": COMMIT, "type": "PLAINTEXT"}]
    codebuild = client(builder, "codebuild")
    order = {"projectName": "other", "sourceVersion": commit, "environmentVariablesOverride": overrides}
    build = ended(builder, codebuild.start_build(**order)["build"])
    assert phase(build, "PRE_BUILD")["phaseStatus"] == "FAILED"


def test_stop_kills_what_the_build_runs_and_leaves_nothing(builder: CodeBuildServer, git: GitServer) -> None:
    commit = site(builder, git, "slow").commit(dockerfile(builder, "RUN sleep 61.25"))
    build = start(builder, "slow", commit)
    assert wait_for(lambda: running("sleep 61.25"), 30.0)
    stopped = client(builder, "codebuild").stop_build(id=build["id"])["build"]
    assert (stopped["buildStatus"], stopped["buildComplete"]) == ("STOPPED", True)
    assert phase(stopped, "BUILD")["phaseStatus"] == "STOPPED"
    assert wait_for(lambda: not running("sleep 61.25"), 10.0)
    assert client(builder, "codebuild").stop_build(id=build["id"])["build"] == stopped
    directory = builder._directory / build["id"].partition(":")[2]
    assert wait_for(lambda: not directory.exists())


def test_six_builds_of_one_commit_at_once_make_one_digest(builder: CodeBuildServer, git: GitServer) -> None:
    commit = site(builder, git, "six").commit(dockerfile(builder, "RUN date > /built"))
    with ThreadPoolExecutor(6) as pool:
        started = list(pool.map(lambda number: start(builder, "six", commit, f"tag-{number}"), range(6)))
        builds = list(pool.map(lambda each: ended(builder, each), started))
    failed = [log(builder, build) for build in builds if build["buildStatus"] != "SUCCEEDED"]
    assert failed == []
    assert len({exported(build)["IMAGE_DIGEST"] for build in builds}) == 1
    assert sorted(build["buildNumber"] for build in builds) == [1, 2, 3, 4, 5, 6]


def test_a_tag_that_is_immutable_is_not_pushed_again(builder: CodeBuildServer, git: GitServer) -> None:
    commit = site(builder, git, "immutable").commit(dockerfile(builder, "RUN true"))
    builder.create_repository("sites/immutable", immutable=True)
    assert ended(builder, start(builder, "immutable", commit))["buildStatus"] == "SUCCEEDED"
    build = ended(builder, start(builder, "immutable", commit))
    assert phase(build, "POST_BUILD")["phaseStatus"] == "FAILED"
    assert "already exists in the 'sites/immutable' repository" in log(builder, build)


def test_a_registry_that_wants_a_login_gets_it_from_builds_and_ecr_tells_it(git: GitServer, tmp_path: Path) -> None:
    ecr_login = User("AWS", "canary-password-51c0")
    with (
        RegistryServer(tmp_path / "registry", user=ecr_login) as closed,
        CodeBuildServer(tmp_path / "aws", registry=closed.host, user=ecr_login) as server,
    ):
        commit = site(server, git, "closed").commit({"Dockerfile": "FROM scratch\nCOPY page /page\n", "page": "hello"})
        server.script(Script(real=False))
        for build in (start(server, "closed", commit, "tiny"), start(server, "closed", commit, "real")):
            assert ended(server, build)["buildStatus"] == "SUCCEEDED", log(server, build)
        [login] = client(server, "ecr").get_authorization_token()["authorizationData"]
        assert base64.b64decode(login["authorizationToken"]) == b"AWS:canary-password-51c0"
        assert "canary-password" not in repr(server.journal.calls())


def test_the_end_of_the_server_ends_builds_and_leaves_no_process_mount_cgroup_or_file(
    registry: RegistryServer, git: GitServer, tmp_path: Path
) -> None:
    with CodeBuildServer(tmp_path, registry=registry.host) as server:
        commit = site(server, git, "leftover").commit(dockerfile(server, "RUN sleep 62.25"))
        start(server, "leftover", commit)
        client(server, "sts").get_caller_identity()
        assert wait_for(lambda: running("sleep 62.25"), 30.0)
        daemon, cgroup = server._real_builds.buildkit.pid, server._real_builds.buildkit._cgroup
    assert not running("sleep 62.25")
    assert not Path(f"/proc/{daemon}").exists()
    assert not running(f".*{re.escape(str(tmp_path))}.*")
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/brandrelease-{cgroup}"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["buildkitd.log", "moto.log"]


# --- StartBuild -----------------------------------------------------------------------------------------------------------


def test_a_token_stands_for_one_build_for_five_minutes(aws: CodeBuildServer) -> None:
    first = start(aws, idempotencyToken="key-1")
    assert start(aws, idempotencyToken="key-1")["id"] == first["id"]
    assert start(aws, idempotencyToken="key-2")["id"] != first["id"]
    assert start(aws)["id"] != start(aws)["id"]
    with refusal("InvalidInputException") as refused:
        start(aws, idempotencyToken="key-1", tag="another")
    assert "do not match" in str(refused.value)
    aws.forget_tokens()
    assert start(aws, idempotencyToken="key-1")["id"] != first["id"]


def test_the_five_minutes_of_a_token_are_those_of_the_clock(registry: RegistryServer, tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    with CodeBuildServer(tmp_path, registry=registry.host, real=False, clock=lambda: now[0]) as server:
        server.create_project("drumeo", "http://git.invalid/drumeo.git", f"{registry.host}/clock/drumeo")
        first = start(server, idempotencyToken="key-1")
        assert first["startTime"].timestamp() == now[0]
        now[0] += 299
        assert start(server, idempotencyToken="key-1")["id"] == first["id"]
        now[0] += 1
        assert start(server, idempotencyToken="key-1")["id"] != first["id"]


def test_minutes_can_be_short_and_then_tokens_and_builds_run_out_soon(registry: RegistryServer, tmp_path: Path) -> None:
    limits = Limits(concurrency=1, minute=0.1)
    with CodeBuildServer(tmp_path, registry=registry.host, real=False, limits=limits) as server:
        server.create_project("drumeo", "http://git.invalid/drumeo.git", f"{registry.host}/short/drumeo")
        server.script(Script(seconds=20))
        first = start(server, idempotencyToken="key-1", timeoutInMinutesOverride=30)
        second = start(server, queuedTimeoutInMinutesOverride=5)
        assert phase(ended(server, second, 20.0), "QUEUED")["phaseStatus"] == "TIMED_OUT"
        assert start(server, idempotencyToken="key-1", timeoutInMinutesOverride=30)["id"] != first["id"]
        assert phase(ended(server, first, 20.0), "BUILD")["phaseStatus"] == "TIMED_OUT"


def test_what_cannot_be_started_is_refused(aws: CodeBuildServer) -> None:
    with refusal("ResourceNotFoundException"):
        client(aws, "codebuild").start_build(projectName="nobody")
    with refusal("InvalidInputException"):
        start(aws, timeoutInMinutesOverride=2161)
    with refusal("InvalidInputException"):
        start(aws, queuedTimeoutInMinutesOverride=481)
    assert aws.builds("drumeo") == []


def test_a_limit_of_the_project_is_an_error_and_no_queue(aws: CodeBuildServer) -> None:
    aws.create_project("single", "http://git.invalid/x.git", f"{aws.ecr.host}/single", concurrent_build_limit=1)
    aws.script(Script(polls=1000))
    first = start(aws, "single")
    with refusal("AccountLimitExceededException"):
        start(aws, "single")
    aws.stop(first["id"])
    assert ended(aws, start(aws, "single"))["buildStatus"] == "SUCCEEDED"


def test_builds_for_which_there_is_no_machine_wait_in_their_order_until_the_queue_is_full(
    registry: RegistryServer, tmp_path: Path
) -> None:
    with CodeBuildServer(tmp_path, registry=registry.host, real=False, limits=Limits(1, 2)) as server:
        server.create_project("drumeo", "http://git.invalid/drumeo.git", f"{registry.host}/queue/drumeo")
        server.script(Script(polls=1000))
        first, second, third = start(server), start(server), start(server)
        with refusal("AccountLimitExceededException") as refused:
            start(server)
        assert "Cannot have more than 2 builds in queue for the account" in str(refused.value)
        assert [poll(server, each)["currentPhase"] for each in (second, third)] == ["QUEUED", "QUEUED"]
        assert poll(server, third)["logs"] == {}
        server.stop(first["id"])
        ends = [ended(server, each)["startTime"] for each in (second, third)]
        assert ends == sorted(ends)


def test_a_hundred_builds_at_once_are_cheap(aws: CodeBuildServer) -> None:
    with ThreadPoolExecutor(10) as pool:
        started = list(pool.map(lambda number: start(aws, tag=f"tag-{number}"), range(100)))
    assert wait_for(lambda: all(build.is_complete for build in aws.builds("drumeo")), 30.0)
    builds = client(aws, "codebuild").batch_get_builds(ids=[each["id"] for each in started])["builds"]
    assert {each["buildStatus"] for each in builds} == {"SUCCEEDED"}
    assert len({exported(each)["IMAGE_DIGEST"] for each in builds}) == 1


# --- reading --------------------------------------------------------------------------------------------------------------


def test_builds_are_read_by_one_to_a_hundred_ids(aws: CodeBuildServer) -> None:
    codebuild = client(aws, "codebuild")
    build = start(aws)
    answer = codebuild.batch_get_builds(ids=[build["id"], "drumeo:nobody"])
    assert [each["id"] for each in answer["builds"]] == [build["id"]]
    assert answer["buildsNotFound"] == ["drumeo:nobody"]
    variables = {each["name"]: each["value"] for each in answer["builds"][0]["environment"]["environmentVariables"]}
    assert variables["GIT_COMMIT"] == COMMIT
    with refusal("InvalidInputException"):
        codebuild.batch_get_builds(ids=[f"drumeo:{number}" for number in range(101)])
    with refusal("ResourceNotFoundException"):
        codebuild.stop_build(id="drumeo:nobody")


def test_builds_are_listed_newest_first_a_hundred_on_a_page(aws: CodeBuildServer) -> None:
    aws.script(Script(status="FAILED", phase="QUEUED", times=None))
    ids = [start(aws)["id"] for _ in range(205)]
    codebuild = client(aws, "codebuild")
    pages = [codebuild.list_builds_for_project(projectName="drumeo")]
    while token := pages[-1].get("nextToken"):
        pages.append(codebuild.list_builds_for_project(projectName="drumeo", nextToken=token))
    assert [len(page["ids"]) for page in pages] == [100, 100, 5]
    assert [each for page in pages for each in page["ids"]] == ids[::-1]
    oldest = codebuild.list_builds_for_project(projectName="drumeo", sortOrder="ASCENDING")
    assert oldest["ids"] == ids[:100]
    with refusal("ResourceNotFoundException"):
        codebuild.list_builds_for_project(projectName="nobody")


def test_projects_can_be_made_and_read_by_boto3(aws: CodeBuildServer) -> None:
    codebuild = client(aws, "codebuild")
    project = {
        "name": "pianote",
        "source": {"type": "GITHUB", "location": "http://git.invalid/pianote.git"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        "serviceRole": "arn:aws:iam::123456789012:role/x",
    }
    codebuild.create_project(**project, concurrentBuildLimit=3)
    answer = codebuild.batch_get_projects(names=["pianote", "nobody"])
    assert [each["concurrentBuildLimit"] for each in answer["projects"]] == [3]
    assert answer["projectsNotFound"] == ["nobody"]
    with refusal("ResourceAlreadyExistsException"):
        codebuild.create_project(**project)
