"""A Git repository that a GitOps tool brings to the cluster every second, with the files of deploy/gitops.

The tool is Flux's own library, with the options of kustomize-controller and the rules of deploy/gitops/flux.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from e2e.story import Story
from support import brand_site
from support.brand_site import Start
from support.git_sync import FLUX, Sync, as_flux
from support.gitops_verdicts import EXAMPLES
from support.kubectl import eventually

FOLDER = "site"
IN_GIT = "registry.example.com/sites/drumeo:first"


class Config:
    """The repository that says what the cluster should have, and the tool that brings it there."""

    def __init__(self, story: Story, directory: Path) -> None:
        self._story = story
        self._repository = story.git.repository(f"{story.name}-config")
        self.image = brand_site.push_image(
            story.cluster, story.image_repository, "in-git", Start.Good, "the page of the image in Git"
        )
        apply = as_flux(story.cluster.kubeconfig, ignores_the_image=True)
        self.sync = Sync(self._repository.url, FOLDER, directory / "checkout", apply)

    def says(self, ref: str, annotations: Mapping[str, str] | None = None, *, debug: bool = False) -> None:
        """A commit: the example, as this story's, with another ref."""
        files = {
            f"{FOLDER}/{path.name}": self._of_this_story(path.read_text()) for path in (EXAMPLES / "site").iterdir()
        }
        release, deployment = f"{FOLDER}/brandrelease.yaml", f"{FOLDER}/deployment.yaml"
        files[release] = files[release].replace("ref: master", f"ref: {ref}")
        lines = "".join(f"\n    {name}: {text}" for name, text in (annotations or {}).items())
        files[release] = files[release].replace("  annotations:", f"  annotations:{lines}")
        if debug:
            files[deployment] = files[deployment].replace("value: production", "value: debug")
        self._repository.commit(files, f"Release {ref}")

    def _of_this_story(self, text: str) -> str:
        return text.replace(IN_GIT, self.image).replace("drumeo", self._story.name)


@pytest.fixture
def config(story: Story, tmp_path: Path) -> Config:
    return Config(story, tmp_path)


def test_git_says_what_runs(story: Story, config: Config) -> None:
    """No sync takes back what the operator has done, be it a release, a rollback or what somebody has asked for."""
    story.brand(soakSeconds=0)
    story.operator.start()
    one = story.push(text="first page")
    config.says(one)
    with config.sync.at_work():
        story.becomes("Live", commit=one)
        config.sync.has_synced()
        stays(story, "Live")
        good = story.image
        bad = story.push(Start.CrashAtStart)
        config.says(bad, debug=True)
        story.becomes("RolledBack", commit=bad)
        config.sync.has_synced()
        stays(story, "RolledBack")
        assert story.image == good
        assert environment(story) == "debug", "what Git says beside the image is applied"
        two = story.push(text="second page", reverts=bad)
        config.says(two, debug=True)
        story.becomes("Live", commit=two)
        story.annotate("rollbackTo", "1 the search is broken")
        eventually(lambda: story.status["running"]["number"] == 4, 40, lambda: story.status)
        config.sync.has_synced()
        stays(story, "Live")
    assert story.image == good
    assert story.status["lastHandled"]["rollbackTo"] == "1 the search is broken"
    assert story.object["metadata"]["annotations"]["brandrelease.dev/rollbackTo"] == "1 the search is broken"
    assert [past.get("requestedBy") for past in story.status["history"]] == ["kubectl-annotate", FLUX, FLUX, FLUX]
    assert config.sync.problems == []


def test_git_that_insists_on_its_image(story: Story, config: Config) -> None:
    """It is named, nothing is fought, and docs/gitops.md says how to mend it: tell the tool, then ask again."""
    story.brand(soakSeconds=0)
    story.operator.start()
    one = story.push(text="first page")
    config.says(one)
    minds, config.sync.apply = config.sync.apply, as_flux(story.cluster.kubeconfig, ignores_the_image=False)
    with config.sync.at_work():
        story.becomes("Blocked", "ImageOverridden")
        assert f'"{FLUX}" has set the image' in story.message
        assert config.image in story.message
        config.sync.has_synced()
        assert story.image == config.image, "nobody fights"
        config.sync.apply = minds
        config.says(one, {"brandrelease.dev/requestedAt": "told-the-tool"})
        story.becomes("Live", commit=one)
        config.sync.has_synced()
        stays(story, "Live")
    assert story.image == story.status["running"]["image"]


def stays(story: Story, phase: str) -> None:
    assert story.status["phase"] == phase
    assert story.condition()["reason"] != "ImageOverridden"


def environment(story: Story) -> str:
    body = story.kubectl.get("deployment", story.deployment_name, story.namespace) or {}
    return str(body["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"])
