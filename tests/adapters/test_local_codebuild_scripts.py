"""What the local CodeBuild does by a script: builds, faults of calls, and the journal of them."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, HTTPClientError

from support.codebuild import CodeBuildServer, Cut, Fault, Image, Script
from support.codebuild.calls import COMMIT, KEY, SECRET, client, client_at, ended, exported, phase, poll, refusal, start
from support.registry import RegistryServer


def test_a_build_stays_in_the_queue_and_out_of_sight_for_as_many_polls_as_the_script_says(
    aws: CodeBuildServer,
) -> None:
    aws.script(Script(invisible_polls=2, queued_polls=3), project="drumeo")
    build = start(aws)
    codebuild = client(aws, "codebuild")
    for _ in range(2):
        assert codebuild.list_builds_for_project(projectName="drumeo")["ids"] == []
        answer = codebuild.batch_get_builds(ids=[build["id"]])
        assert (answer["builds"], answer["buildsNotFound"]) == ([], [build["id"]])
    assert [poll(aws, build)["currentPhase"] for _ in range(3)] == ["QUEUED"] * 3
    assert ended(aws, build)["buildStatus"] == "SUCCEEDED"
    assert codebuild.list_builds_for_project(projectName="drumeo")["ids"] == [build["id"]]


@pytest.mark.parametrize(
    ("script", "where", "code"),
    [
        (Script(status="FAULT", phase="PROVISIONING"), "PROVISIONING", "INTERNAL_SERVICE_ERROR"),
        (Script(status="TIMED_OUT", phase="QUEUED"), "QUEUED", "BUILD_TIMED_OUT"),
        (Script(status="TIMED_OUT"), "BUILD", "BUILD_TIMED_OUT"),
        (Script(status="STOPPED"), "BUILD", ""),
        (Script(status="FAILED", phase="DOWNLOAD_SOURCE", code="CLIENT_ERROR", message="gone"), "DOWNLOAD_SOURCE", "CLIENT_ERROR"),
        (Script(status="FAILED", phase="INSTALL"), "INSTALL", "COMMAND_EXECUTION_ERROR"),
    ],
)  # fmt: skip
def test_a_build_ends_as_the_script_says(aws: CodeBuildServer, script: Script, where: str, code: str) -> None:
    aws.script(script)
    build = ended(aws, start(aws))
    assert build["buildStatus"] == script.status
    assert phase(build, where)["phaseStatus"] == script.status
    [context] = phase(build, where).get("contexts") or [{"statusCode": "", "message": script.message}]
    assert context["statusCode"] == code
    assert script.message in context["message"]
    assert build["currentPhase"] == "COMPLETED"
    assert ended(aws, start(aws))["buildStatus"] == "SUCCEEDED", "the script was for one build"


def test_the_image_is_missing_untold_or_another_one_where_the_script_says_so(aws: CodeBuildServer) -> None:
    told = {}
    for image in Image:
        aws.script(Script(image=image))
        told[image] = exported(ended(aws, start(aws, tag=image.name))).get("IMAGE_DIGEST")
    path = aws.ecr.path(aws._account.projects["drumeo"].repository)
    there = {image: aws.ecr.manifest(path, image.name) for image in Image}
    assert there[Image.Missing] is None
    assert there[Image.NotExported] is not None
    assert told[Image.Missing] is told[Image.NotExported] is None
    pushed = there[Image.Pushed]
    assert pushed is not None
    assert told[Image.Pushed] == pushed.digest != told[Image.OtherDigest]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("InternalFailure", 500),
        ("ExpiredTokenException", 400),
        ("AccessDeniedException", 400),
        ("AccountLimitExceededException", 400),
    ],
)
def test_the_next_calls_of_an_operation_are_refused(aws: CodeBuildServer, code: str, status: int) -> None:
    aws.script(Fault("StartBuild", code, times=2), project="drumeo")
    for _ in range(2):
        with refusal(code) as refused:
            start(aws)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert start(aws)["buildStatus"] == "IN_PROGRESS"


def test_every_third_call_is_refused_until_faults_are_forgotten(aws: CodeBuildServer) -> None:
    aws.script(Fault("BatchGetProjects", "ThrottlingException", every=3, times=None))
    codebuild, codes = client(aws, "codebuild"), []
    for _ in range(6):
        try:
            codebuild.batch_get_projects(names=["drumeo"])
            codes.append("")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["", "", "ThrottlingException"] * 2
    aws.forget_faults()
    for _ in range(3):
        codebuild.batch_get_projects(names=["drumeo"])


def test_a_connection_is_cut_before_or_after_the_call_had_its_effect(aws: CodeBuildServer) -> None:
    cut = (ConnectionClosedError, EndpointConnectionError, HTTPClientError)
    aws.script(Fault("StartBuild", cut=Cut.Before))
    with pytest.raises(cut):
        start(aws)
    assert aws.builds("drumeo") == []
    aws.script(Fault("StartBuild", cut=Cut.After))
    with pytest.raises(cut):
        start(aws, idempotencyToken="key-1")
    [build] = aws.builds("drumeo")
    assert start(aws, idempotencyToken="key-1")["id"] == build.id


def test_a_call_can_be_late_and_others_do_not_wait_for_it(aws: CodeBuildServer) -> None:
    aws.script(Fault("StartBuild", delay=2.0))
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(start, aws)
        client(aws, "codebuild").batch_get_projects(names=["drumeo"])
        assert not late.done()
        assert late.result(20)["buildStatus"] == "IN_PROGRESS"


def test_the_journal_has_every_call_with_its_answer_and_no_credentials(aws: CodeBuildServer) -> None:
    began = time.monotonic()
    build = start(aws)
    aws.script(Fault("StopBuild", "ThrottlingException"))
    with refusal("ThrottlingException"):
        client(aws, "codebuild").stop_build(id=build["id"])
    aws.script(Fault("StopBuild", cut=Cut.Before))
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client(aws, "codebuild").stop_build(id=build["id"])
    client(aws, "codebuild").stop_build(id=build["id"])
    token = "canary-web-identity-token"
    role = {"RoleArn": "arn:aws:iam::123456789012:role/operator", "RoleSessionName": "operator"}
    client(aws, "sts").assume_role_with_web_identity(**role, WebIdentityToken=token)
    [call] = aws.journal.calls("StartBuild")
    assert (call.parameters["sourceVersion"], call.status, call.code) == (COMMIT, 200, None)
    assert began <= call.at <= time.monotonic()
    answers = [(each.status, each.code) for each in aws.journal.calls("StopBuild")]
    assert answers == [(400, "ThrottlingException"), (None, "CUT"), (200, None)]
    assert aws.journal.calls(since=time.monotonic()) == []
    assert len(aws.journal.calls()) == 5
    for secret in (KEY, SECRET, token):
        assert secret not in repr(aws.journal.calls())


def test_it_runs_as_a_process_of_its_own_until_it_is_told_to_end(registry: RegistryServer) -> None:
    command = [sys.executable, "-m", "support.codebuild", "--registry", registry.host, "--tiny"]
    project = f"drumeo=http://git.invalid/x.git={registry.host}/process/drumeo"
    with subprocess.Popen([*command, "--project", project], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("AWS_ENDPOINT_URL=")
            codebuild = client_at(url, "codebuild")
            assert codebuild.batch_get_projects(names=["drumeo"])["projectsNotFound"] == []
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()
