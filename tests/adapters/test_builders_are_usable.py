"""Whether CodeBuild would build for a Brand, asked of a server that speaks as AWS does."""

from collections.abc import Iterator

import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.builders.usable import CodeBuildUsable
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Fault

pytestmark = pytest.mark.usefixtures("login")


@pytest.fixture
def usable(login: None) -> Iterator[CodeBuildUsable]:
    api = AwsApi(Metrics())
    yield CodeBuildUsable(api)
    api.close()


def brand(project: str = "drumeo") -> Brand:
    spec = {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": "registry.example.com/drumeo"},
        "build": {"codeBuild": {"project": project, "region": "us-east-2"}},
        "environments": [{"name": "production"}],
    }
    return Brand.model_validate({"name": "drumeo", "uid": "uid", "spec": spec})


async def test_a_project_that_is_there_would_build_and_nothing_is_started(
    usable: CodeBuildUsable, aws: CodeBuildServer
) -> None:
    assert await usable.trouble(brand()) is None
    assert [call.operation for call in aws.journal.calls()] == ["ListBuildsForProject"]


async def test_a_project_that_is_not_there_is_told_with_what_to_do(usable: CodeBuildUsable) -> None:
    found = await usable.trouble(brand("pianote"))
    assert found is not None
    assert found.reason is Reason.BuilderMisconfigured
    assert found.message.startswith("There is no CodeBuild project pianote in us-east-2")
    assert found.message.endswith("Create it, or correct spec.build.codeBuild of the Brand.")


async def test_without_credentials_it_is_told_where_they_come_from(
    usable: CodeBuildUsable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = await usable.trouble(brand())
    assert found is not None
    assert found.reason is Reason.BuilderMisconfigured
    assert "has no AWS credentials" in found.message


FAULTS: dict[str, tuple[Fault, Reason | None]] = {
    "no right": (Fault("ListBuildsForProject", "AccessDeniedException"), Reason.BuilderMisconfigured),
    "busy": (Fault("ListBuildsForProject", "ThrottlingException", times=4), Reason.BuilderUnreachable),
    "a quota that is full for now": (Fault("ListBuildsForProject", "AccountLimitExceededException"), None),
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
async def test_what_aws_answers_is_told_unless_it_passes_by_itself(
    usable: CodeBuildUsable, aws: CodeBuildServer, fault: Fault, reason: Reason | None
) -> None:
    aws.script(fault)
    found = await usable.trouble(brand())
    assert (found and found.reason) == reason
