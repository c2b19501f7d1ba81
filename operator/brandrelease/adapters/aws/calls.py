"""Every call that the operator makes to AWS. `AwsApi` makes no other, so the policy in docs/aws.md is checked against this."""

from enum import Enum


class Call(Enum):
    """Service, as boto3 calls it, and operation."""

    StartBuild = ("codebuild", "StartBuild")
    StopBuild = ("codebuild", "StopBuild")
    BatchGetBuilds = ("codebuild", "BatchGetBuilds")
    ListBuildsForProject = ("codebuild", "ListBuildsForProject")
    GetLogEvents = ("logs", "GetLogEvents")
    DescribeImages = ("ecr", "DescribeImages")
    CreateInvalidation = ("cloudfront", "CreateInvalidation")
    DescribeAlarms = ("cloudwatch", "DescribeAlarms")
    GetMetricData = ("cloudwatch", "GetMetricData")
    GetCallerIdentity = ("sts", "GetCallerIdentity")

    @property
    def changes(self) -> bool:
        """Whether it changes anything: only the replica that leads may make it."""
        return self in {Call.StartBuild, Call.StopBuild, Call.CreateInvalidation}

    @property
    def service(self) -> str:
        return self.value[0]

    @property
    def operation(self) -> str:
        return self.value[1]

    @property
    def action(self) -> str:
        """Its name in an IAM policy."""
        return f"{self.service}:{self.operation}"
