"""The port `Usable`: whether a builder takes builds, asked without building anything."""

from typing import Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.builders.buildkit_job import JobProfile, job_body
from brandrelease.adapters.kube.api import JOBS, ApiError, KubeApi
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.core.brands.seen import Unreached
from brandrelease.core.builds.codebuild import TREATMENT, FailureClass
from brandrelease.core.builds.images import build_order

NO_COMMIT: Final = "0" * 40
"""git's own name for no commit at all: the Job that the API server is asked about is nobody's."""

NOT_NOW: Final = ("exceeded quota", "dry run")
"""A quota that is full for now says nothing of the next build, and an admission webhook that takes no dry run nothing at all."""

REFUSALS: Final = frozenset({400, 403, 404, 422})
ALREADY_EXISTS: Final = 409
_MISSING: Final = "ResourceNotFoundException"
_BUSY: Final = frozenset({FailureClass.Quota})


class CodeBuildUsable:
    """Asks AWS for the builds of the project, which needs the project, the credentials and the rights."""

    def __init__(self, aws: AwsApi) -> None:
        self._aws = aws

    async def trouble(self, brand: Brand) -> Unreached | None:
        """Why the project cannot be asked."""
        project = brand.spec.build.code_build
        assert project is not None, "the Brand has another builder"  # noqa: S101 - see bootstrap
        try:
            await self._aws.call(
                Call.ListBuildsForProject, project.region, projectName=project.project, sortOrder="DESCENDING"
            )
        except AwsError as error:
            if error.failure in _BUSY:
                return None
            if error.code == _MISSING:
                text = (
                    f"There is no CodeBuild project {project.project} in {project.region} in the account of the operator's credentials. "
                    "Create it, or correct spec.build.codeBuild of the Brand."
                )
                return Unreached(Reason.BuilderMisconfigured, text)
            return Unreached(TREATMENT[error.failure].reason, error.sentence)
        return None


class BuildKitUsable:
    """Asks the API server whether it would take the Brand's build Job: the namespace, the rights, the policies."""

    def __init__(self, api: KubeApi, profile: JobProfile) -> None:
        self._api, self._profile = api, profile

    async def trouble(self, brand: Brand) -> Unreached | None:
        """Why it would not take it."""
        order, namespace = build_order(brand, NO_COMMIT, attempt=1), self._profile.namespace
        try:
            await self._api.would_create(JOBS, namespace, job_body(order, self._profile))
        except ApiError as error:
            if error.status == ALREADY_EXISTS or any(words in error.message for words in NOT_NOW):
                return None
            if error.status not in REFUSALS:
                return Unreached(Reason.BuilderUnreachable, f"{error.message.rstrip('.')}. It is asked again.")
            text = (
                f"The API server would not take build Jobs in namespace {namespace}: {error.message.rstrip('.')}. "
                "Mend the namespace, the operator's rights or the policy that it names."
            )
            return Unreached(Reason.BuildNotStarted, text)
        return None
