"""Images in ECR, asked for by its own API; and who the operator is for AWS."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.ecr import Ecr, Registries
from brandrelease.adapters.aws.identity import who_are_we
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.seen import ImageAbsent, ImageArchived, ImageFound, ImageLookup, ImageUnknown
from brandrelease.ports import Secret
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Fault
from support.registry import RegistryServer

pytestmark = pytest.mark.usefixtures("login")

HOST = "123456789012.dkr.ecr.us-east-2.amazonaws.com"


@pytest.fixture
async def api() -> AsyncIterator[AwsApi]:
    made = AwsApi(Metrics())
    yield made
    made.close()


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    return f"ecr/{hashlib.sha1(request.node.name.encode()).hexdigest()[:12]}"


@pytest.fixture
def image(aws: CodeBuildServer, registry: RegistryServer, path: str) -> str:
    """The digest of an image under the tag v1."""
    aws.create_repository(path)
    return registry.push_image(path, "v1", path)


async def test_an_image_is_found_by_its_tag_and_by_its_digest(api: AwsApi, path: str, image: str) -> None:
    for reference in ("v1", image):
        assert await Ecr(api).look_up(f"{HOST}/{path}", reference, None) == ImageFound(image)


async def test_it_is_asked_for_in_the_registrys_own_account_and_region(
    aws: CodeBuildServer, api: AwsApi, path: str, image: str
) -> None:
    await Ecr(api).look_up(f"{HOST}/{path}", "v1", None)
    [call] = aws.journal.calls("DescribeImages")
    assert call.parameters == {
        "registryId": "123456789012",
        "repositoryName": path,
        "imageIds": [{"imageTag": "v1"}],
        "filter": {"imageStatus": "ANY"},
    }


async def test_what_is_not_there_is_absent(api: AwsApi, path: str, image: str) -> None:
    for reference in ("v2", "sha256:" + "0" * 64):
        assert await Ecr(api).look_up(f"{HOST}/{path}", reference, None) == ImageAbsent()


async def test_an_archived_image_is_told_from_one_that_is_gone(
    aws: CodeBuildServer, api: AwsApi, path: str, image: str
) -> None:
    aws.set_image_status(path, image, "ARCHIVED")
    for reference in ("v1", image):
        assert await Ecr(api).look_up(f"{HOST}/{path}", reference, None) == ImageArchived()


async def test_a_repository_that_was_never_made_is_named(api: AwsApi) -> None:
    found = await Ecr(api).look_up(f"{HOST}/sites/nobody", "v1", None)
    assert isinstance(found, ImageUnknown)
    assert found.reason is Reason.RepositoryNotFound
    assert found.message.startswith(f"There is no ECR repository {HOST}/sites/nobody. Create it, or correct ")


TROUBLE = {
    "no right": (Fault("DescribeImages", "AccessDeniedException"), Reason.RegistryAuthenticationFailed, "ecr:DescribeImages"),
    "busy": (Fault("DescribeImages", "ThrottlingException", times=4), Reason.RegistryUnreachable, "It is asked again."),
    "old credentials": (Fault("DescribeImages", "ExpiredTokenException"), Reason.RegistryUnreachable, "expired"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "reason", "words"), TROUBLE.values(), ids=TROUBLE)
async def test_what_aws_refuses_is_no_evidence_about_the_image(
    aws: CodeBuildServer, api: AwsApi, path: str, image: str, *, fault: Fault, reason: Reason, words: str
) -> None:
    aws.script(fault)
    found = await Ecr(api).look_up(f"{HOST}/{path}", "v1", None)
    assert isinstance(found, ImageUnknown)
    assert found.reason is reason
    assert words in found.message
    assert await Ecr(api).look_up(f"{HOST}/{path}", "v1", None) == ImageFound(image)


class Asked:
    """A registry that remembers only that it was asked."""

    def __init__(self) -> None:
        self.times = 0

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        self.times += 1
        return ImageAbsent()


@pytest.mark.parametrize(
    ("repository", "secret", "by_api"),
    [
        (f"{HOST}/drumeo", None, True),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/drumeo", None, True),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/drumeo", None, True),
        (f"{HOST}/drumeo", {}, False),
        ("registry.example.com/drumeo", None, False),
        ("public.ecr.aws/drumeo", None, False),
        (f"{HOST}.example.com/drumeo", None, False),
        (f"evil-{HOST}/drumeo", None, False),
    ],
)
async def test_only_a_registry_of_ecr_without_a_login_of_the_brands_is_asked_by_ecrs_api(
    repository: str, secret: Secret | None, *, by_api: bool
) -> None:
    ecr, others = Asked(), Asked()
    await Registries(ecr, others).look_up(repository, "v1", secret)
    assert (ecr.times, others.times) == (int(by_api), int(not by_api))


# --- who we are ---------------------------------------------------------------------------------------------------------


async def test_aws_says_who_the_operator_is(api: AwsApi) -> None:
    identity = await who_are_we(api)
    assert identity.known
    assert identity.said.startswith("arn:aws:sts::")


async def test_who_has_no_credentials_reads_what_is_missing_and_where_it_is_told(
    api: AwsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    identity = await who_are_we(api)
    assert not identity.known
    assert identity.said.startswith("The operator has no AWS credentials, which sts:GetCallerIdentity")
    assert "docs/aws.md, section Credentials" in identity.said


async def test_a_projected_token_is_exchanged_for_the_role_with_and_without_a_webhook(
    aws: CodeBuildServer, api: AwsApi, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The webhook does no more than set these two variables and mount the token; so does a projected volume."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text("header.payload.signature")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/brandrelease")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    identity = await who_are_we(api)
    assert identity.known
    assert "assumed-role/brandrelease/" in identity.said
