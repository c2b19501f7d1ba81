"""The image registry: Debian's docker-registry, plain HTTP, deletion allowed."""

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cluster.processes import Program, wait_until

START_SECONDS = 20.0


def program(directory: Path, address: str, htpasswd: Path | None = None) -> Program:
    """Write the registry's configuration into ``directory`` and return it, to listen on ``address`` (``host:port``).

    Images are kept in ``directory/registry``. With ``htpasswd`` (bcrypt lines) it asks for basic authentication.
    """
    content: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "registry")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},  # else one that comes twice at once into one repository is refused
        },
        "http": {"addr": address},
    }
    if htpasswd is not None:
        content["auth"] = {"htpasswd": {"realm": "registry", "path": str(htpasswd)}}
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / "registry.json"
    configuration.write_text(json.dumps(content, indent=2) + "\n")
    argv = ("/usr/bin/docker-registry", "serve", str(configuration))
    return Program("the image registry", argv, directory / "logs" / "registry.log")


def wait(address: str, registry: Program, process: subprocess.Popen[bytes]) -> None:
    """Return when the registry at ``address`` answers; raise ClusterError with its log if it does not."""
    wait_until("That the image registry answers", lambda: _answers(address), START_SECONDS, registry, process)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=2.0):
            return True
    except urllib.error.HTTPError:  # 401: it answers, and wants a password
        return True
    except OSError:
        return False
