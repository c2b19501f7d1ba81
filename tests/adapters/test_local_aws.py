"""What stands beside the local CodeBuild: logs, ECR in front of the registry, CloudFront, and moto for the others."""

from pathlib import Path
from typing import Any

from support.codebuild import CodeBuildServer, Fault, Script
from support.codebuild.calls import COMMIT, client, ended, exported, log, phase, refusal, start
from support.registry import RegistryServer


def test_a_log_can_have_empty_pages_before_its_end(aws: CodeBuildServer) -> None:
    aws.script(Script(log=("one", "two"), empty_log_pages=2))
    assert "one\ntwo\n" in log(aws, ended(aws, start(aws)))


def test_a_log_can_be_late(registry: RegistryServer, tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    with CodeBuildServer(tmp_path, registry=registry.host, real=False, clock=lambda: now[0]) as server:
        server.create_project("drumeo", "http://git.invalid/drumeo.git", f"{registry.host}/late/drumeo")
        server.script(Script(log=("three",), log_delay=10))
        build = ended(server, start(server))
        assert log(server, build) == ""
        now[0] += 10
        assert "three\n" in log(server, build)


def test_a_log_is_read_from_either_end_page_by_page(aws: CodeBuildServer) -> None:
    aws.script(Script(log=tuple(f"line {number}" for number in range(10))))
    build = ended(aws, start(aws))
    logs, place = client(aws, "logs"), build["logs"]
    where = {"logGroupName": place["groupName"], "logStreamName": place["streamName"]}
    last = logs.get_log_events(**where, limit=1)
    assert last["events"][0]["message"] == "[Container] Phase complete: FINALIZING State: SUCCEEDED\n"
    before = logs.get_log_events(**where, limit=1, nextToken=last["nextBackwardToken"])
    assert before["events"][0]["message"] == "[Container] Entering phase FINALIZING\n"
    with refusal("ResourceNotFoundException"):
        logs.get_log_events(logGroupName=place["groupName"], logStreamName="nobody")


# --- ECR ------------------------------------------------------------------------------------------------------------------


def test_ecr_tells_what_is_in_the_registry_and_what_is_not(aws: CodeBuildServer) -> None:
    digest = exported(ended(aws, start(aws)))["IMAGE_DIGEST"]
    path, ecr = aws.ecr.path(aws._account.projects["drumeo"].repository), client(aws, "ecr")
    [image] = ecr.describe_images(repositoryName=path, imageIds=[{"imageDigest": digest}])["imageDetails"]
    assert (image["imageTags"], image["imageStatus"]) == ([COMMIT[:12]], "ACTIVE")
    [listed] = ecr.describe_images(repositoryName=path)["imageDetails"]
    assert listed == image
    with refusal("ImageNotFoundException"):
        ecr.describe_images(repositoryName=path, imageIds=[{"imageTag": "nobody"}])
    with refusal("RepositoryNotFoundException"):
        ecr.describe_images(repositoryName="nobody", imageIds=[{"imageTag": "nobody"}])
    answer = ecr.batch_get_image(repositoryName=path, imageIds=[{"imageTag": COMMIT[:12]}, {"imageTag": "nobody"}])
    assert [each["imageId"]["imageDigest"] for each in answer["images"]] == [digest]
    assert [each["failureCode"] for each in answer["failures"]] == ["ImageNotFound"]
    [login] = ecr.get_authorization_token()["authorizationData"]
    assert login["proxyEndpoint"] == f"http://{aws.ecr.host}"


def test_an_archived_image_is_told_to_those_only_who_ask_for_such(aws: CodeBuildServer) -> None:
    digest = exported(ended(aws, start(aws)))["IMAGE_DIGEST"]
    repository, ecr = aws._account.projects["drumeo"].repository, client(aws, "ecr")
    aws.set_image_status(repository, digest, "ARCHIVED")
    asked = {"repositoryName": aws.ecr.path(repository), "imageIds": [{"imageDigest": digest}]}
    assert ecr.describe_images(**asked)["imageDetails"] == []
    [image] = ecr.describe_images(**asked, filter={"imageStatus": "ANY"})["imageDetails"]
    assert image["imageStatus"] == "ARCHIVED"


def test_a_repository_that_was_not_created_takes_no_push(aws: CodeBuildServer) -> None:
    aws.ecr.repositories.clear()
    build = ended(aws, start(aws))
    assert phase(build, "POST_BUILD")["phaseStatus"] == "FAILED"
    assert "does not exist in the registry" in log(aws, build)


# --- CloudFront -----------------------------------------------------------------------------------------------------------


def invalidate(aws: CodeBuildServer, reference: str, *paths: str, distribution: str = "E1") -> Any:
    batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": reference}
    cloudfront = client(aws, "cloudfront")
    return cloudfront.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)["Invalidation"]


def test_an_invalidation_is_made_once_for_its_reference_and_takes_a_while(aws: CodeBuildServer) -> None:
    aws.create_distribution("E1")
    first = invalidate(aws, "release-1", "/*")
    assert first["Status"] == "InProgress"
    assert invalidate(aws, "release-1", "/*")["Id"] == first["Id"]
    assert invalidate(aws, "release-2", "/a b&c", "/*")["Id"] != first["Id"]
    with refusal("InvalidationBatchAlreadyExists"):
        invalidate(aws, "release-1", "/other")
    assert [(each.reference, each.paths) for each in aws.invalidations()] == [
        ("release-1", ("/*",)),
        ("release-2", ("/a b&c", "/*")),
    ]
    cloudfront = client(aws, "cloudfront")
    asked = [cloudfront.get_invalidation(DistributionId="E1", Id=first["Id"])["Invalidation"] for _ in range(2)]
    assert [each["Status"] for each in asked] == ["InProgress", "Completed"]
    with refusal("NoSuchInvalidation"):
        cloudfront.get_invalidation(DistributionId="E1", Id="nobody")


def test_an_invalidation_is_refused_as_cloudfront_refuses(aws: CodeBuildServer) -> None:
    aws.create_distribution("E1")
    for code in ("TooManyInvalidationsInProgress", "AccessDenied"):
        aws.script(Fault("CreateInvalidation", code))
        with refusal(code):
            invalidate(aws, "release-1", "/*")
    with refusal("NoSuchDistribution"):
        invalidate(aws, "release-1", "/*", distribution="nobody")
    assert aws.invalidations() == []


# --- CloudWatch's alarms ----------------------------------------------------------------------------------------------------


def test_composite_alarms_are_told_to_those_only_who_ask_for_their_type(aws: CodeBuildServer) -> None:
    cloudwatch = client(aws, "cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("5xx")')
    assert cloudwatch.describe_alarms(AlarmNames=["any"]).get("CompositeAlarms", []) == []
    both = {"AlarmNames": ["any"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    [told] = cloudwatch.describe_alarms(**both)["CompositeAlarms"]
    assert (told["StateValue"], told["AlarmRule"]) == ("OK", 'ALARM("5xx")')
    cloudwatch.set_alarm_state(AlarmName="any", StateValue="ALARM", StateReason="5xx")
    [told] = cloudwatch.describe_alarms(**both)["CompositeAlarms"]
    assert (told["StateValue"], told["StateReason"]) == ("ALARM", "5xx")
    assert told["StateTransitionedTimestamp"] == told["StateUpdatedTimestamp"]


def test_alarms_come_in_pages(aws: CodeBuildServer) -> None:
    cloudwatch = client(aws, "cloudwatch")
    for name in ("a", "b", "c"):
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule="FALSE")
    asked = {"AlarmTypes": ["CompositeAlarm"], "MaxRecords": 2}
    first = cloudwatch.describe_alarms(**asked)
    second = cloudwatch.describe_alarms(**asked, NextToken=first["NextToken"])
    assert [len(page["CompositeAlarms"]) for page in (first, second)] == [2, 1]
    assert "NextToken" not in second


# --- the others


def test_other_services_and_other_logs_are_motos(aws: CodeBuildServer) -> None:
    assert client(aws, "sts").get_caller_identity()["Account"] == "123456789012"
    cloudwatch, logs = client(aws, "cloudwatch"), client(aws, "logs")
    alarm = {"AlarmName": "5xx", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0}
    cloudwatch.put_metric_alarm(**alarm, MetricName="m", Namespace="n", Period=60, Statistic="Sum")
    cloudwatch.set_alarm_state(AlarmName="5xx", StateValue="ALARM", StateReason="too many")
    [told] = cloudwatch.describe_alarms(AlarmNames=["5xx"])["MetricAlarms"]
    assert told["StateValue"] == "ALARM"
    logs.create_log_group(logGroupName="/site")
    with refusal("ResourceNotFoundException"):
        logs.get_log_events(logGroupName="/site", logStreamName="nobody")
    aws.script(Fault("DescribeAlarms", "ThrottlingException"))
    aws.script(Fault("GetCallerIdentity", "ExpiredToken"))
    with refusal("ThrottlingException"):
        cloudwatch.describe_alarms(AlarmNames=["5xx"])
    with refusal("ExpiredToken"):
        client(aws, "sts").get_caller_identity()
