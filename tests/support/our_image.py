"""The operator's own image, built from the Dockerfile as it is released: only the base is one of this machine.

What BuildKit has made of each step is kept in the cache, so that a second build takes only what has changed since.
"""

import fcntl
import json
import shutil
from pathlib import Path

from cluster.commands import run
from cluster.places import cache
from support import images
from support.codebuild.buildkit import BuildKit

REPOSITORY = Path(__file__).resolve().parents[2]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts: it may be behind a proxy that reads along."""
BUILD_SECONDS = 600.0


def push(registry: str, directory: Path) -> str:
    """Build the image, push it to ``registry`` (``host:port``, plain HTTP), and return it by digest.

    directory: for this build alone; it is removed.
    """
    base = images.push_to(images.PYTHON, registry)
    metadata = directory.parent / f"{directory.name}.json"
    kept = cache() / "images" / "operator-steps"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(base, f"{registry}/brandrelease/operator:test", directory, metadata, kept)
    digest = json.loads(metadata.read_text())["containerimage.digest"]
    return f"{registry}/brandrelease/operator@{digest}"


def _build(base: str, reference: str, directory: Path, metadata: Path, kept: Path) -> None:
    """kept: the steps of the last build; those of this one take its place, so that it does not grow for ever."""
    fresh = kept.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    buildkit = BuildKit(directory, reference.partition("/")[0], user=None)
    try:
        run(
            *buildkit.buildctl("build", "--progress=plain", "--frontend=dockerfile.v0"),
            *("--local", f"context={REPOSITORY}", "--local", f"dockerfile={REPOSITORY}"),
            *("--opt", f"build-arg:BASE_IMAGE={base}", "--opt", "build-arg:SOURCE_DATE_EPOCH=0"),
            *("--secret", f"id=ca,src={CERTIFICATES}"),
            *(("--import-cache", f"type=local,src={kept}") if kept.exists() else ()),
            *("--export-cache", f"type=local,dest={fresh},mode=max,compression=zstd,compression-level=1"),
            *("--output", f"type=image,name={reference},push=true,rewrite-timestamp=true"),
            *("--metadata-file", str(metadata)),
            limit=BUILD_SECONDS,
            env=buildkit.environment,
        )
    finally:
        buildkit.close()
    shutil.rmtree(kept, ignore_errors=True)
    fresh.rename(kept)
