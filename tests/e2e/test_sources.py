"""Where the source comes from, with credentials, and under what rights it is built."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.clusters import Cluster
from e2e.story import Story
from support.git_server import GitServer
from support.ssh_git_server import SshGitServer

PASSWORD = "correct horse battery staple"


@pytest.fixture
def guarded(cluster: Cluster, tmp_path: Path) -> Iterator[GitServer]:
    """A git server that wants a password."""
    with GitServer(tmp_path / "guarded", cluster.host_address, user="deploy", password=PASSWORD) as server:
        yield server


@pytest.mark.builder("buildKit", profile="rootless")
def test_built_by_an_ordinary_user(story: Story) -> None:
    story.brand()
    story.deployment()
    story.operator.start()
    commit = story.push(text="built without root")
    story.release()
    story.becomes("Live", commit=commit)
    assert story.page() == "built without root"
    [build] = story.job()["spec"]["template"]["spec"]["containers"]
    assert build["securityContext"]["runAsUser"] == 1000
    assert "privileged" not in build["securityContext"]


@pytest.mark.builder("buildKit")
def test_password_from_a_secret(story: Story, guarded: GitServer) -> None:
    """A wrong password is told, and the release goes on by itself once the Secret is right."""
    story.repository = guarded.repository(story.name)
    story.brand(source={"url": story.repository.url, "secretName": "git"})
    story.deployment()
    story.operator.start()
    commit = story.push(text="behind a password")
    story.secret("git", {"username": "deploy", "password": "wrong"})
    story.release()
    story.becomes("Blocked", "SourceAuthenticationFailed")
    assert "wrong" not in story.message.split()
    story.secret("git", {"username": "deploy", "password": PASSWORD})
    story.becomes("Live", commit=commit)
    assert story.page() == "behind a password"
    assert PASSWORD not in str(story.object) + str(story.jobs()) + story.operator.last_lines(1000)


@pytest.mark.builder("buildKit")
def test_ssh_with_a_deploy_key(story: Story, tmp_path: Path) -> None:
    with SshGitServer(tmp_path / "ssh", story.git.directory, story.cluster.host_address) as server:
        story.brand(source={"url": server.url(story.name), "secretName": "git"})
        story.secret("git", {key: value.decode() for key, value in server.secret.items()})
        story.deployment()
        story.operator.start()
        commit = story.push(text="over ssh")
        story.release()
        story.becomes("Live", commit=commit)
    assert story.page() == "over ssh"
