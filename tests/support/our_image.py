"""The operator's own image, built from the Dockerfile as it is released: only the base is one of this machine.

What BuildKit has made of the steps before the operator's own source comes in is kept in the cache, under a name that
changes with them, so that a second build takes only what is left.
"""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from cluster.commands import run
from cluster.places import cache
from support import images
from support.codebuild.buildkit import BuildKit

REPOSITORY = Path(__file__).resolve().parents[2]
WHAT_DECIDES_THE_STEPS = ("Dockerfile", "deploy/image/tools.txt", "pyproject.toml", "uv.lock")
STEPS = "operator-steps"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts: it may be behind a proxy that reads along."""
BUILD_SECONDS = 600.0


def push(registry: str, directory: Path, versions: Iterable[str] = ("0.1.0",)) -> list[str]:
    """Build the image, push it with its provenance to ``registry`` (``host:port``, plain HTTP), return it by digest.

    directory: for this build alone; it is removed. versions: one image for each, of the same source under another label.
    """
    base = images.push_to(images.PYTHON, registry)
    kept = cache() / "images" / f"{STEPS}-{_key()}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f".{STEPS}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digests = _build(base, f"{registry}/brandrelease/operator", directory, kept, list(versions))
    return [f"{registry}/brandrelease/operator@{digest}" for digest in digests]


def _key() -> str:
    key = hashlib.sha256(images.PYTHON.files.key().encode())
    for name in WHAT_DECIDES_THE_STEPS:
        key.update(hashlib.sha256((REPOSITORY / name).read_bytes()).digest())
    return key.hexdigest()[:16]


def _build(base: str, name: str, directory: Path, kept: Path, versions: list[str]) -> list[str]:
    """kept: the steps, if they were made before; else they are put there, in place of those of other recipes."""
    fresh = kept.with_name(f"{STEPS}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    exported = f"type=local,dest={fresh},mode=max,compression=zstd,compression-level=1"
    buildkit = BuildKit(directory, name.partition("/")[0], user=None)
    metadata = directory.parent / f"{directory.name}.json"
    steps = ("--import-cache", f"type=local,src={kept}") if kept.exists() else ("--export-cache", exported)
    digests: list[str] = []
    try:
        for version in versions:
            run(
                *buildkit.buildctl("build", "--progress=plain", "--frontend=dockerfile.v0"),
                *("--local", f"context={REPOSITORY}", "--local", f"dockerfile={REPOSITORY}"),
                *("--opt", f"build-arg:BASE_IMAGE={base}", "--opt", "build-arg:SOURCE_DATE_EPOCH=0"),
                *("--opt", f"build-arg:VERSION={version}", "--opt", "attest:provenance=mode=max"),
                *("--secret", f"id=ca,src={CERTIFICATES}"),
                *(() if digests else steps),  # the daemon has them from the first
                *("--output", f"type=image,name={name}:{version},push=true,rewrite-timestamp=true"),
                *("--metadata-file", str(metadata)),
                limit=BUILD_SECONDS,
                env=buildkit.environment,
            )
            digests.append(str(json.loads(metadata.read_text())["containerimage.digest"]))
    finally:
        buildkit.close()
    if fresh.exists():
        for other in kept.parent.glob(f"{STEPS}-*"):
            shutil.rmtree(other)
        fresh.rename(kept)
    return digests
