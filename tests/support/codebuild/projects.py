"""The projects of the account."""

from dataclasses import dataclass, field
from typing import Any

from support.codebuild.wire import ACCOUNT, REGION


@dataclass(frozen=True)
class Project:
    """One project; the buildspec is in the server: fetch, build, push, export IMAGE_DIGEST."""

    name: str
    source_url: str
    repository: str = ""
    """host:port/path: where a build pushes that is not told another IMAGE_REPO."""
    concurrent_build_limit: int | None = None
    timeout: int = 60
    queued_timeout: int = 480
    variables: dict[str, str] = field(default_factory=dict)

    def wire_of_build(self) -> dict[str, Any]:
        """What a build tells of its project."""
        return {
            "projectName": self.name,
            "source": {"type": "GITHUB", "location": self.source_url, "buildspec": "buildspec.yml"},
            "artifacts": {"location": ""},
            "cache": {"type": "NO_CACHE"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": True,
                "environmentVariables": [],
            },
            "serviceRole": f"arn:aws:iam::{ACCOUNT}:role/{self.name}-build",
            "encryptionKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3",
        }

    def wire(self) -> dict[str, Any]:
        """As BatchGetProjects tells it."""
        content = self.wire_of_build()
        del content["projectName"]
        content |= {
            "name": self.name,
            "arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{self.name}",
            "timeoutInMinutes": self.timeout,
            "queuedTimeoutInMinutes": self.queued_timeout,
        }
        content["environment"]["environmentVariables"] = [
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in self.variables.items()
        ]
        if self.concurrent_build_limit is not None:
            content["concurrentBuildLimit"] = self.concurrent_build_limit
        return content


def from_request(parameters: dict[str, Any]) -> Project:
    """The project that CreateProject asks for."""
    variables = parameters.get("environment", {}).get("environmentVariables", ())
    return Project(
        parameters["name"],
        parameters.get("source", {}).get("location", ""),
        concurrent_build_limit=parameters.get("concurrentBuildLimit"),
        timeout=parameters.get("timeoutInMinutes", 60),
        queued_timeout=parameters.get("queuedTimeoutInMinutes", 480),
        variables={each["name"]: each["value"] for each in variables},
    )
