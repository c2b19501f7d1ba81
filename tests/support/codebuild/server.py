"""The server that a test starts: one URL for every service of AWS."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.codebuild.account import Account, Limits
from support.codebuild.api import CodeBuildApi
from support.codebuild.builds import Build
from support.codebuild.cloudfront import CloudFront, Invalidation
from support.codebuild.cloudwatch import CloudWatch
from support.codebuild.ecr import Ecr
from support.codebuild.endpoint import Endpoint
from support.codebuild.faults import Cut, Fault, Faults
from support.codebuild.forward import Moto
from support.codebuild.journal import CUT, Call, Journal, without_secrets
from support.codebuild.logs import GROUP
from support.codebuild.progress import Progress
from support.codebuild.projects import Project
from support.codebuild.real_build import RealBuilds
from support.codebuild.script import Script, Scripts
from support.codebuild.steps import TinySteps, carry_out
from support.codebuild.wire import Answer, AwsError, Request, json_answer
from support.registry import User

CODEBUILD, ECR, LOGS = "CodeBuild_20161006", "AmazonEC2ContainerRegistry_V20150921", "Logs_20140328"
Operation = Callable[[dict[str, Any]], dict[str, Any]]


def _epoch() -> float:
    return time.time_ns() / 1e9


class CodeBuildServer:
    """Runs while the block runs, with its files in ``directory``.

    ``registry`` is the host:port of a registry that runs, ``user`` its login if it wants one. ``real`` says what builds
    do whose script does not say it. What it is not told to play goes to moto's server.
    """

    def __init__(
        self,
        directory: Path,
        address: str = "127.0.0.1",
        *,
        registry: str,
        port: int = 0,
        user: User | None = None,
        real: bool = True,
        limits: Limits | None = None,
        clock: Callable[[], float] = _epoch,
    ) -> None:
        self.journal = Journal()
        self.ecr = Ecr(registry, user, clock)
        self.cloudfront = CloudFront(clock)
        self.cloudwatch = CloudWatch(clock)
        self._address, self._port, self._real, self._clock = address, port, real, clock
        self._directory = directory
        self._limits = limits or Limits()
        self._scripts, self._faults = Scripts(), Faults()
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._moto = Moto(self._directory)
        self._real_builds = RealBuilds(self._directory, self.ecr)
        self._account = Account(self._limits, self._clock, self._carry_out)
        self._operations = self._routes()
        self._endpoint = Endpoint(self._address, self._port, self._answer)
        self._port = self._endpoint.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._endpoint.close()
        self._account.close()
        self._real_builds.close()
        self._moto.end()

    @property
    def url(self) -> str:
        """The AWS_ENDPOINT_URL."""
        return f"http://{self._address}:{self._port}"

    def environment(self, region: str) -> dict[str, str]:
        """For a process that is to take this for AWS; any keys would do."""
        keys = {"AWS_ACCESS_KEY_ID": "AKIALOCAL", "AWS_SECRET_ACCESS_KEY": "of-the-local-aws"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": region, **keys}

    # --- what a test says -------------------------------------------------------------------------------------------

    def create_project(
        self, name: str, source_url: str, repository: str = "", concurrent_build_limit: int | None = None
    ) -> None:
        """Make a project, and its repository (``host/path``) in ECR; or give one that is there other properties."""
        if repository:
            self.create_repository(repository)
        self._account.projects[name] = Project(name, source_url, repository, concurrent_build_limit)

    def create_repository(self, repository: str, *, immutable: bool = False) -> None:
        """Make a repository in ECR (``path`` or ``host/path``), or give one other rules for its tags."""
        self.ecr.repositories[self.ecr.path(repository)] = immutable

    def set_image_status(self, repository: str, digest: str, status: str) -> None:
        """ACTIVE or ARCHIVED."""
        self.ecr.statuses[self.ecr.path(repository), digest] = status

    def create_distribution(self, distribution: str) -> None:
        """Let CloudFront know a distribution, by its id."""
        self.cloudfront.distributions.add(distribution)

    def set_evaluation_state(self, alarm: str, state: str, region: str) -> None:
        """PARTIAL_DATA, EVALUATION_FAILURE or EVALUATION_ERROR: CloudWatch could not evaluate the alarm."""
        self.cloudwatch.evaluation_states[region, alarm] = state

    def script(self, what: Script | Fault, project: str | None = None) -> None:
        """Tell the next builds, or with a Fault the next calls, what befalls them; of the project or of any."""
        if isinstance(what, Fault):
            self._faults.add(what, project)
            return
        with self._lock:
            self._scripts.add(what, project)

    def forget_faults(self) -> None:
        self._faults.forget()

    def forget_tokens(self) -> None:
        """As if five minutes had passed since every StartBuild."""
        self._account.forget_tokens()

    def stop(self, build: str) -> None:
        """Stop a build as somebody does in AWS's console."""
        self._account.stop(self._account.builds[build])

    # --- what a test sees -------------------------------------------------------------------------------------------

    def builds(self, project: str) -> list[Build]:
        """The builds of a project, the oldest first, also those that are not visible yet."""
        return self._account.of(project, visible=False)

    def invalidations(self) -> list[Invalidation]:
        return list(self.cloudfront.invalidations)

    # --- the work ---------------------------------------------------------------------------------------------------

    def _carry_out(self, build: Build) -> None:
        progress = Progress(build, self._clock, build.minutes(queued=False) * self._limits.minute)
        real = self._real if build.script.real is None else build.script.real
        if not real:
            carry_out(progress, TinySteps(self.ecr))
            return
        with self._real_builds.steps(build) as steps:
            carry_out(progress, steps)

    def _next_script(self, project: str) -> Script:
        with self._lock:
            return self._scripts.take(project)

    # --- the answers ------------------------------------------------------------------------------------------------

    def _routes(self) -> dict[str, Operation]:
        codebuild = CodeBuildApi(self._account, self._next_script).operations
        ecr = {
            "DescribeImages": self.ecr.describe_images,
            "BatchGetImage": self.ecr.batch_get_image,
            "GetAuthorizationToken": self.ecr.authorization_token,
        }
        return {f"{CODEBUILD}.{name}": each for name, each in codebuild.items()} | {
            f"{ECR}.{name}": each for name, each in ecr.items()
        }

    def _answer(self, request: Request) -> Answer | None:
        """Answer and note it in the journal of its time; None where the connection is to be cut.

        A call that nobody waits for any more may be answered in the midst of the next test.
        """
        journal, at, parameters = self.journal, time.monotonic(), {}
        try:
            parameters = without_secrets(request.parameters)
            answer = self._with_faults(request)
        except AwsError as error:
            answer = request.refuse(error)
        except Exception as error:  # noqa: BLE001 - a broken server answers, so that nobody takes it for a slow one
            answer = request.refuse(AwsError("InternalFailure", f"The local server is broken: {error!r}"))
        status, code = (answer.status, answer.error) if answer is not None else (None, CUT)
        journal.note(Call(request.operation, parameters, at, status, code))
        return answer

    def _with_faults(self, request: Request) -> Answer | None:
        fault = self._faults.take(request) or Fault()
        if fault.delay:
            self._closing.wait(fault.delay)
        if fault.cut is Cut.Before:
            return None
        if fault.code:
            return request.refuse(fault.error())
        try:
            answer = self._routed(request)
        except AwsError as error:
            answer = request.refuse(error)
        return None if fault.cut is Cut.After else answer

    def _routed(self, request: Request) -> Answer:
        if operation := self._operations.get(request.target):
            return json_answer(operation(request.parameters))
        if request.target == f"{LOGS}.GetLogEvents" and (page := self._log_page(request.parameters)) is not None:
            return json_answer(page)
        if request.service == CODEBUILD:
            raise AwsError("UnknownOperationException", f"{request.operation} is not played here.")
        if request.is_cloudfront and (answer := self.cloudfront.answer(request)) is not None:
            return answer
        if (answer := self.cloudwatch.answer(request, self._moto.ask)) is not None:
            return answer
        return self._moto.ask(request)

    def _log_page(self, parameters: dict[str, Any]) -> dict[str, Any] | None:
        """A page of the log of a build; None for a log group of something else."""
        group, stream = str(parameters.get("logGroupName")), parameters.get("logStreamName")
        project = group.removeprefix(GROUP)
        if not group.startswith(GROUP) or project not in self._account.projects:
            return None
        build = self._account.builds.get(f"{project}:{stream}")
        if build is None or not build.machine_since:
            raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
        return build.log.page(parameters, self._clock())
