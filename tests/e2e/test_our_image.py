"""What we ship, as we ship it: the image of the Dockerfile, run by deploy/operator with the rights of deploy/rbac."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.clusters import Cluster
from e2e.shipped_story import RBAC, SYSTEM, Published, ShippedStory, digest_of
from support import images, our_image
from support.git_server import GitServer

DOWNLOAD_LIMIT = 200_000_000
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
UNCOMPILED = """
import pathlib, sys
import brandrelease.bootstrap
modules = [m for m in sys.modules.values() if (getattr(m, "__file__", None) or "").startswith("/opt/brandrelease")]
print(*(m.__name__ for m in modules if m.__file__.endswith(".py") and not pathlib.Path(m.__cached__).exists()))
"""


@pytest.fixture
def story(cluster: Cluster, git: GitServer, tmp_path: Path) -> Iterator[ShippedStory]:
    told = ShippedStory("shipped", cluster, git, tmp_path)
    told.namespaces()
    try:
        yield told
    finally:
        told.uninstall()


@pytest.mark.timeout(600)  # the first build of a machine makes the base too
def test_what_we_ship_runs_as_a_restricted_pod_and_releases_a_site(story: ShippedStory, tmp_path: Path) -> None:
    image = our_image.push(story.cluster.registry, tmp_path / "buildkit")
    it_is_small_and_says_what_it_is(Published.of(image))
    assert Published.of(image).base == digest_of(images.push(images.PYTHON, story.cluster))
    overlay = story.overlay(image)
    story.install(overlay, RBAC / "operator.yaml")
    story.kubectl.run("apply", f"--namespace={story.namespace}", "-f", str(RBAC / "brand-namespace.yaml"))
    story.brand()
    story.deployment()
    story.operator_is_rolled_out()
    story.is_rolled_out()
    commit = story.push(text="released by a pod")
    story.release()
    story.becomes("Live", commit=commit)
    assert story.page() == "released by a pod"

    pods = story.operator_pods()
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [0, 0]
    assert story.python(pods[0], WHAT_CAN_BE_WRITTEN).split() == ["/tmp", "/var/cache/brandrelease"]
    assert story.python(pods[0], PROGRAMS).split() == ["git", "ssh"], "nothing that installs, compiles or downloads"
    assert story.python(pods[0], SSH_KNOWS_ITS_USER).strip() == "example.com", "ssh refuses a user without a name"
    assert story.python(pods[0], AN_ORPHAN_IS_COLLECTED).strip() == "0 zombies"
    assert story.python(pods[0], UNCOMPILED).split() == [], "a start that compiles takes three times as long"

    began = time.monotonic()
    story.kubectl.run("delete", "pod", pods[0]["metadata"]["name"], f"--namespace={SYSTEM}", "--wait=false")
    story.is_gone(pods[0])
    assert time.monotonic() - began < 15, "it ends by itself when it is asked to, long before the kubelet kills it"


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
