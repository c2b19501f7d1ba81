"""The port `Registry` on Amazon ECR's own API: it tells what the registry's HTTP API does not, such as archived images."""

from typing import Any

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.codebuild import FailureClass
from brandrelease.core.builds.images import ecr_registry, host_of
from brandrelease.core.builds.seen import ImageAbsent, ImageArchived, ImageFound, ImageLookup, ImageUnknown
from brandrelease.ports import Registry, Secret


class Ecr:
    """Asks ECR with the operator's own credentials."""

    def __init__(self, aws: AwsApi) -> None:
        self._aws = aws

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:  # noqa: ARG002 - the port's signature
        """Whether ECR has the tag or digest, and under which digest."""
        registry = ecr_registry(host_of(repository))
        assert registry is not None, "only registries of ECR are asked for here"  # noqa: S101 - see Registries
        name = repository.partition("/")[2]
        wanted = {"imageDigest" if reference.startswith("sha256:") else "imageTag": reference}
        try:
            answer = await self._aws.call(
                Call.DescribeImages,
                registry.region,
                registryId=registry.account,
                repositoryName=name,
                imageIds=[wanted],
                filter={"imageStatus": "ANY"},  # without it, an archived image looks as if it had never been
            )
        except AwsError as error:
            return _trouble(error, repository)
        return _found(answer)


def _found(answer: dict[str, Any]) -> ImageLookup:
    for image in answer.get("imageDetails", ()):
        active = image.get("imageStatus", "ACTIVE") == "ACTIVE"
        return ImageFound(str(image["imageDigest"])) if active else ImageArchived()
    return ImageAbsent()


def _trouble(error: AwsError, repository: str) -> ImageLookup:
    if error.code == "ImageNotFoundException":
        return ImageAbsent()
    if error.code == "RepositoryNotFoundException":
        message = f"There is no ECR repository {repository}. Create it, or correct spec.image.repository of the Brand; the release then goes on by itself."
        return ImageUnknown(Reason.RepositoryNotFound, message)
    passing = error.failure in {FailureClass.Transient, FailureClass.Quota}
    reason = Reason.RegistryUnreachable if passing else Reason.RegistryAuthenticationFailed
    return ImageUnknown(reason, error.sentence)


class Registries:
    """Each image is asked for where its registry understands it: ECR by its own API, unless the Brand gives a login."""

    def __init__(self, ecr: Registry, others: Registry) -> None:
        self._ecr, self._others = ecr, others

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        """Whether the registry has the tag or digest, and under which digest."""
        by_api = secret is None and ecr_registry(host_of(repository)) is not None
        return await (self._ecr if by_api else self._others).look_up(repository, reference, secret)
