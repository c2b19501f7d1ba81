"""Releases whose images CodeBuild builds for real, and the nodes pull as from ECR."""

from e2e.codebuild_story import CodeBuildStory
from e2e.story import Object
from support import images
from support.codebuild import Script
from support.codebuild.phases import BUILD
from support.kubectl import eventually


def a_site(story: CodeBuildStory) -> None:
    """It runs as somebody has made it by hand, and the operator is at work."""
    story.brand()
    story.deployment()
    story.is_rolled_out()
    story.operator.start()


def test_codebuild_builds_what_runs(codebuild_story: CodeBuildStory) -> None:
    story = codebuild_story
    a_site(story)
    commit = story.push(text="first page")
    story.release()
    on_record = story.builds_on_record()
    assert on_record["id"] == story.build.id
    assert on_record["logsURL"].startswith("https://console.aws.amazon.com/cloudwatch/")
    assert on_record["logsURL"].endswith(story.build.uuid)
    status = story.becomes("Live", commit=commit)
    assert story.page() == "first page"
    assert story.starts == [commit]
    digest = story.build.exported["IMAGE_DIGEST"]
    in_registry = story.aws.ecr.manifest(story.image_repository, story.build.variables["IMAGE_TAG"])
    assert in_registry is not None
    assert in_registry.digest == digest
    assert story.image == status["running"]["image"] == f"{story.repository_of_images}@{digest}"
    pods = story.kubectl.list("pods", story.namespace, "brandrelease.dev/release=1")
    assert {_digest_that_runs(pod) for pod in pods} == {digest}


def test_codebuilds_log_tells_why(codebuild_story: CodeBuildStory) -> None:
    story = codebuild_story
    a_site(story)
    image, generation = story.image, story.generation
    dockerfile = f"FROM {images.push(images.BUSYBOX, story.cluster)}\nRUN cat /composer.lock\n"
    commit = story.push(files={"Dockerfile": dockerfile})
    story.release()
    status = story.becomes("Failed", "BuildFailed", commit)
    assert "cat: can't open '/composer.lock': No such file or directory" in status["current"]["build"]["logTail"]
    assert status["current"]["build"]["id"] == story.build.id
    assert story.starts == [commit]
    assert (story.image, story.generation) == (image, generation)
    assert story.page() == "by hand"
    said = story.command("logs", story.name, "production").ends(0)
    lines = [line for line in said.out.splitlines() if "cat: can't open '/composer.lock'" in line]
    assert lines
    assert all(line.startswith("build: ") for line in lines), lines
    nobody = story.command("logs", story.name, "production", aws=False).ends(0)
    assert f"build: the log is at {status['current']['build']['logsURL']}" in nobody.out.splitlines()
    assert "The lines of CodeBuild's log are left out" in nobody.err
    assert "build: " in nobody.out.partition("This was kept of its logs:")[2]


def test_killed_while_codebuild_builds(codebuild_story: CodeBuildStory) -> None:
    """Not even the token is there to make a second start the first one again."""
    story = codebuild_story
    a_site(story)
    story.aws.script(Script(seconds=8, phase=BUILD), project=story.name)
    commit = story.push(text="first page")
    story.release()
    on_record = story.builds_on_record()
    eventually(lambda: story.build.phase == BUILD, 10, lambda: story.build.phase)
    story.operator.kill()
    assert not story.build.is_complete
    story.aws.forget_tokens()
    story.operator.start()
    status = story.becomes("Live", commit=commit)
    assert story.starts == [commit]
    assert status["current"]["build"]["id"] == on_record["id"] == story.build.id
    assert story.page() == "first page"


def _digest_that_runs(pod: Object) -> str:
    """The node may call an image by any of its names: other brands may have the same one."""
    [container] = pod["status"]["containerStatuses"]
    return str(container["imageID"]).rpartition("@")[2]
