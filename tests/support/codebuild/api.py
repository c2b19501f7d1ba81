"""The operations of CodeBuild, from parameters to what boto3 reads."""

from collections.abc import Callable
from typing import Any

from support.codebuild.account import Account
from support.codebuild.builds import Build
from support.codebuild.projects import from_request
from support.codebuild.script import Script
from support.codebuild.wire import ACCOUNT, AwsError, invalid

MOST_IDS = 100
PAGE = 100
MINUTES = {"timeoutInMinutesOverride": range(5, 2161), "queuedTimeoutInMinutesOverride": range(5, 481)}
TYPES = frozenset({"PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"})
INITIATOR = "operator"


class CodeBuildApi:
    def __init__(self, account: Account, script: Callable[[str], Script]) -> None:
        self._account = account
        self._script = script
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "StartBuild": self._start_build,
            "StopBuild": self._stop_build,
            "BatchGetBuilds": self._batch_get_builds,
            "ListBuildsForProject": self._list_builds,
            "BatchGetProjects": self._batch_get_projects,
            "CreateProject": self._create_project,
        }

    def _start_build(self, parameters: dict[str, Any]) -> dict[str, Any]:
        for name, allowed in MINUTES.items():
            if name in parameters and parameters[name] not in allowed:
                raise invalid(f"Invalid {name}: it must be from {allowed[0]} to {allowed[-1]}")
        for variable in parameters.get("environmentVariablesOverride", ()):
            if variable.get("type", "PLAINTEXT") not in TYPES or not variable.get("name"):
                raise invalid("Invalid environment variable: it needs a name, a value and one of the known types")
        project = self._account.project(parameters["projectName"])
        build = self._account.start(
            project, parameters, lambda: self._script(project.name), f"arn:aws:iam::{ACCOUNT}:user/{INITIATOR}"
        )
        return {"build": build.wire()}

    def _stop_build(self, parameters: dict[str, Any]) -> dict[str, Any]:
        build = self._account.builds.get(str(parameters.get("id")))
        if build is None or not build.is_visible:
            raise AwsError("ResourceNotFoundException", f"Build cannot be found: {parameters.get('id')}")
        self._account.stop(build)
        return {"build": build.wire()}

    def _batch_get_builds(self, parameters: dict[str, Any]) -> dict[str, Any]:
        ids = [str(each) for each in parameters.get("ids", ())]
        if not 1 <= len(ids) <= MOST_IDS:
            raise invalid(f"Invalid ids: there must be from 1 to {MOST_IDS}, and not {len(ids)}")
        told: list[dict[str, Any]] = []
        unknown: list[str] = []
        for name in dict.fromkeys(ids):
            build = self._account.builds.get(name)
            content = self._account.tell(build) if build is not None else None
            if content is None:
                unknown.append(name)
            else:
                told.append(content)
        return {"builds": told, "buildsNotFound": unknown}

    def _list_builds(self, parameters: dict[str, Any]) -> dict[str, Any]:
        project = self._account.project(str(parameters.get("projectName")))
        builds: list[Build] = self._account.of(project.name)
        if parameters.get("sortOrder", "DESCENDING") != "ASCENDING":
            builds.reverse()
        ids = [build.id for build in builds]
        first = 0
        if token := parameters.get("nextToken"):  # the last id of the page before: new builds move nothing
            if token not in ids:
                raise invalid("Invalid nextToken")
            first = ids.index(token) + 1
        page = ids[first : first + PAGE]
        more = first + PAGE < len(ids)
        return {"ids": page, **({"nextToken": page[-1]} if more else {})}

    def _batch_get_projects(self, parameters: dict[str, Any]) -> dict[str, Any]:
        names = [str(each) for each in parameters.get("names", ())]
        if not 1 <= len(names) <= MOST_IDS:
            raise invalid(f"Invalid names: there must be from 1 to {MOST_IDS}, and not {len(names)}")
        known = self._account.projects
        return {
            "projects": [known[name].wire() for name in names if name in known],
            "projectsNotFound": [name for name in names if name not in known],
        }

    def _create_project(self, parameters: dict[str, Any]) -> dict[str, Any]:
        project = from_request(parameters)
        if project.name in self._account.projects:
            raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {project.name}")
        self._account.projects[project.name] = project
        return {"project": project.wire()}
