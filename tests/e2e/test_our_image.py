"""What we ship, as we ship it: the image of the Dockerfile, installed by the Helm charts and by deploy/install.yaml.

There is no older release yet, so what is upgraded to is the same source under another version: another image for Helm
and for Kubernetes, but not another program.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.clusters import Cluster
from demo.probe import Probe
from e2e.family import DRAINS
from e2e.shipped_story import Published, ShippedStory, digest_of
from support import images, our_image
from support.git_server import GitServer
from support.kubectl import eventually

DOWNLOAD_LIMIT = 200_000_000
GRACE = 30
"""Seconds that the chart leaves to a pod of the operator."""
"""Bytes that a node pulls, the base included."""

WHAT_CAN_BE_WRITTEN = """
import os
def writable(directory):
    try:
        with open(os.path.join(directory, "probe"), "w"):
            return True
    except OSError:
        return False
found = [each for each in os.walk("/", onerror=None) if not each[0].startswith(("/proc", "/sys", "/dev"))]
print(*sorted(d for d, _, _ in found if writable(d)))
"""
PROGRAMS = """
import importlib.util, shutil
programs = ("git", "ssh", "pip", "pip3", "uv", "gcc", "curl", "wget")
print(*filter(shutil.which, programs), *filter(importlib.util.find_spec, ("pip", "ensurepip", "hatchling")))
"""
SSH_KNOWS_ITS_USER = """
import subprocess
print(subprocess.run(["ssh", "-F", "/dev/null", "-G", "example.com"], capture_output=True, text=True).stdout.split()[1])
"""
AN_ORPHAN_IS_COLLECTED = """
import os, time
child = os.fork()
if child == 0:
    if os.fork() == 0:
        time.sleep(0.2)
    os._exit(0)
os.waitpid(child, 0)
time.sleep(1)
stats = [open(f"/proc/{pid}/stat").read() for pid in os.listdir("/proc") if pid.isdigit()]
print(sum(stat.rpartition(")")[2].split()[0] == "Z" for stat in stats), "zombies")
"""
WHO_MAY_LOOK_AT_THE_BOARD = """
import pathlib, urllib.error, urllib.request
def code(headers):
    try:
        return urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080/board", headers=headers), timeout=5).status
    except urllib.error.HTTPError as refused:
        return refused.code
token = pathlib.Path("/etc/brandrelease/board/token").read_text()
print(code({"Authorization": "Bearer " + token}), code({}))
"""
UNCOMPILED = """
import pathlib, sys
import brandrelease.bootstrap
modules = [m for m in sys.modules.values() if (getattr(m, "__file__", None) or "").startswith("/opt/brandrelease")]
print(*(m.__name__ for m in modules if m.__file__.endswith(".py") and not pathlib.Path(m.__cached__).exists()))
"""


@pytest.fixture
def story(cluster: Cluster, git: GitServer, tmp_path: Path) -> Iterator[ShippedStory]:
    told = ShippedStory("shipped", cluster, git, tmp_path)
    others = ("get", "brandreleases", "--all-namespaces", "--output=name")
    eventually(lambda: not told.kubectl.run(*others), 60, "Other stories have not ended")
    told.namespaces()
    try:
        yield told
    finally:
        told.clear_away()


@pytest.mark.alone
@pytest.mark.timeout(900)  # the first build of a machine makes the base too
def test_what_we_ship_is_installed_releases_is_upgraded_in_flight_and_goes(story: ShippedStory, tmp_path: Path) -> None:
    image, newer = our_image.push(story.cluster.registry, tmp_path / "buildkit", ("0.1.0", "0.1.1"))
    assert image != newer
    it_is_small_and_says_what_it_is(Published.of(image))
    assert Published.of(image).base == digest_of(images.push(images.PYTHON, story.cluster))
    before = story.of_ours()
    story.helm_installs(image)
    it_releases_a_site(story)
    it_runs_as_it_should(story)
    with Probe(story.address) as visitor:
        it_is_upgraded_while_a_release_is_in_flight(story, newer)
        it_goes_and_the_site_stays(story, before)
        it_comes_back_by_kubectl_and_finds_everything(story, newer)
    assert visitor.asked > 50
    assert visitor.failures == {}


def it_releases_a_site(story: ShippedStory) -> None:
    story.brand(progressDeadlineSeconds=150)
    story.deployment(**DRAINS)
    story.is_rolled_out()
    commit = story.push(text="released by a pod")
    story.release()
    story.becomes("Live", commit=commit)
    assert story.page() == "released by a pod"


def it_runs_as_it_should(story: ShippedStory) -> None:
    pods = story.operator_pods()
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [0, 0]
    assert story.leader() in {pod["metadata"]["name"] for pod in pods}
    assert story.python(pods[0], WHAT_CAN_BE_WRITTEN).split() == ["/tmp", "/var/cache/brandrelease"]
    assert story.python(pods[0], PROGRAMS).split() == ["git", "ssh"], "nothing that installs, compiles or downloads"
    assert story.python(pods[0], SSH_KNOWS_ITS_USER).strip() == "example.com", "ssh refuses a user without a name"
    assert story.python(pods[0], AN_ORPHAN_IS_COLLECTED).strip() == "0 zombies"
    assert story.python(pods[0], WHO_MAY_LOOK_AT_THE_BOARD).split() == ["200", "401"]
    assert story.python(pods[0], UNCOMPILED).split() == [], "a start that compiles takes three times as long"


def it_is_upgraded_while_a_release_is_in_flight(story: ShippedStory, newer: str) -> None:
    """The site's Deployment is paused, so that the release cannot end before the operator has changed over."""
    old, generation = {pod["metadata"]["uid"] for pod in story.operator_pods()}, story.generation
    commit = story.push(text="released by two versions")

    def upgrade() -> None:
        story.helm_upgrades(newer)
        eventually(lambda: not old & {pod["metadata"]["uid"] for pod in story.operator_pods()}, 40, story.operator_says)
        assert story.status["phase"] == "Deploying"

    story.release_while_paused(commit, upgrade)
    status = story.becomes("Live", commit=commit)
    assert [past["outcome"] for past in status["history"] if past["commit"] == commit] == ["Succeeded"]
    assert story.generation - generation == 3, "paused, released once, resumed"
    assert story.page() == "released by two versions"
    pods = story.operator_pods()
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {newer}
    assert story.leader() in {pod["metadata"]["name"] for pod in pods}


def it_goes_and_the_site_stays(story: ShippedStory, before: set[str]) -> None:
    eventually(lambda: not any("deletionTimestamp" in pod["metadata"] for pod in story.pods().values()), 30)
    site, release = story.site_pods(), story.object
    began = time.monotonic()
    story.helm_uninstalls()
    assert time.monotonic() - began < GRACE, "pods end by themselves, before the kubelet kills them"
    assert story.of_ours() - before == {"Namespace <none> brandrelease-builds"}, "it has people's Secrets in it"
    assert story.site_pods() == site
    kept = story.object
    assert kept["status"] == release["status"], "who installs it again goes on where it was"
    objects = (
        kept,
        story.kubectl.get("brand", story.name),
        story.kubectl.get("deployment", story.deployment_name, story.namespace),
    )
    assert not [each["metadata"]["finalizers"] for each in objects if each and "finalizers" in each["metadata"]]


def it_comes_back_by_kubectl_and_finds_everything(story: ShippedStory, image: str) -> None:
    site, commit = story.site_pods(), story.status["running"]["commit"]
    story.kubectl_installs(image)
    eventually(lambda: story.leader() in {pod["metadata"]["name"] for pod in story.operator_pods()}, 20)
    assert story.status["running"]["commit"] == commit
    assert story.site_pods() == site


def it_is_small_and_says_what_it_is(image: Published) -> None:
    assert sum(layer["size"] for layer in image.manifest["layers"]) < DOWNLOAD_LIMIT
    said = image.configuration["config"]
    assert said["User"] == "65532:65532", "a number: the kubelet cannot tell whether a name is root"
    assert said["Entrypoint"][-2:] == ["-m", "brandrelease"], "no shell in between"
    assert said["Cmd"] == ["run"]
    assert {name.rpartition(".")[2] for name in said["Labels"]} >= {
        "title",
        "licenses",
        "version",
        "revision",
        "source",
    }
    assert "BEGIN CERTIFICATE" not in str((image.configuration, image.provenance)), "what a build was given is not told"
