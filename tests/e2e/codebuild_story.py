"""A story whose images CodeBuild builds, in an AWS on this machine."""

from dataclasses import dataclass

from e2e.story import Object, Story
from support.codebuild import CodeBuildServer, ecr_host
from support.codebuild.builds import Build
from support.command_line import CommandLine, Said
from support.kubectl import eventually

REGION = "us-east-2"


@dataclass(kw_only=True)
class CodeBuildStory(Story):
    """A brand with a project of its own in CodeBuild, and a repository in ECR, whose names are as they are in AWS."""

    aws: CodeBuildServer
    builder: str = "codeBuild"

    def __post_init__(self) -> None:
        self.settings = self.aws.environment(REGION)
        super().__post_init__()
        self.aws.create_project(self.name, self.repository.url, self.repository_of_images)

    @property
    def repository_of_images(self) -> str:
        return f"{ecr_host(REGION)}/{self.image_repository}"

    @property
    def recipe(self) -> Object:
        return {"project": self.name, "region": REGION}

    @property
    def build(self) -> Build:
        """The one build that CodeBuild has of this brand."""
        [build] = self.aws.builds(self.name)
        return build

    def command(self, *words: str, aws: bool = True) -> Said:
        """The command line of an administrator who is logged in to AWS, or is not."""
        command = CommandLine(self.cluster.kubeconfig, self.directory)
        command.environment |= self.aws.environment(REGION) if aws else {"AWS_EC2_METADATA_DISABLED": "true"}
        return command(*words)

    @property
    def starts(self) -> list[str]:
        """The commits for which StartBuild was called, whatever came of it."""
        calls = self.aws.journal.calls("StartBuild")
        return [call.parameters["sourceVersion"] for call in calls if call.parameters["projectName"] == self.name]

    def builds_on_record(self) -> Object:
        """Wait until the status has the id of the build that goes on; all that the status has of it."""

        def on_record() -> Object | None:
            status = self.status
            build: Object = status.get("current", {}).get("build", {})
            return build if status.get("phase") == "Building" and "id" in build else None

        return eventually(on_record, 30, lambda: f"{self.status}\n--- operator:\n{self.operator.last_lines()}")
