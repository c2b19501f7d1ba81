"""What the section `builds` asks the registry."""

import json
import time
import urllib.error
import urllib.request
from typing import Final

from bench.moments import LIMIT_SECONDS

POLL_SECONDS: Final = 0.03
INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
NOT_FOUND: Final = 404


def arrives(registry: str, repository: str, commit: str) -> float:
    """When the registry first had an image of the commit: the tag begins with its id."""
    end = time.monotonic() + LIMIT_SECONDS
    while not any(tag.startswith(commit[:12]) for tag in _tags(registry, repository)):
        if time.monotonic() > end:
            raise AssertionError(f"There is no image of {commit} after {LIMIT_SECONDS:g} seconds")
        time.sleep(POLL_SECONDS)
    return time.monotonic()


def forget_cache(registry: str, repository: str) -> None:
    """Delete what the last build has left for the next one, if there is anything."""
    manifests = f"http://{registry}/v2/{repository}/manifests"
    question = urllib.request.Request(f"{manifests}/cache", headers={"Accept": f"{INDEX}, {MANIFEST}"})
    try:
        with urllib.request.urlopen(question, timeout=5) as found:
            digest = found.headers["Docker-Content-Digest"]
    except urllib.error.HTTPError as error:
        if error.code != NOT_FOUND:
            raise
        return
    urllib.request.urlopen(urllib.request.Request(f"{manifests}/{digest}", method="DELETE"), timeout=5).close()


def _tags(registry: str, repository: str) -> list[str]:
    try:
        with urllib.request.urlopen(f"http://{registry}/v2/{repository}/tags/list", timeout=5) as answer:
            return list(json.load(answer)["tags"] or [])
    except urllib.error.HTTPError as error:
        if error.code != NOT_FOUND:
            raise
        return []
