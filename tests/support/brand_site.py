"""The site of a brand as small as it can be: busybox's web server, started by a script that can misbehave on demand."""

from enum import Enum
from typing import Any

from cluster import oci
from cluster.clusters import Cluster
from support import images

PORT = 8080
SERVE = f"exec httpd -f -p {PORT} -h /www"


class Start(Enum):
    """What the script /start of a commit does."""

    Good = SERVE
    CrashAtStart = 'echo "PHP Fatal error: Uncaught Error: no such table"; exit 255'
    CrashInSoak = f'httpd -p {PORT} -h /www; sleep 15; echo "PHP Fatal error: the pool is empty"; exit 3'
    OutOfMemory = "tail /dev/zero"
    NeverReady = 'echo "waiting for the cache"; sleep 3600'
    SlowStart = f"sleep 8; {SERVE}"
    OneRestart = f"if [ ! -f /state/started ]; then touch /state/started; exit 1; fi; {SERVE}"
    Flaps = (
        f"httpd -p {PORT} -h /www; sleep 5; mkdir /shared/busy || sleep 3600; "
        "while :; do touch /state/busy; sleep 3; rm /state/busy; sleep 3; done"
    )
    SlowForever = f"sleep 600; {SERVE}"
    DropsOut = f'httpd -p {PORT} -h /www; sleep 5; killall httpd; echo "the web server is gone"; sleep 3600'


def script(start: Start) -> str:
    """The text of /start."""
    return f"#!/bin/sh\n{start.value}\n"


def files(start: Start, text: str, base: str) -> dict[str, str]:
    """The repository of the site: a Dockerfile, the script and a page."""
    dockerfile = f'FROM {base}\nCOPY start /start\nCOPY www /www\nRUN chmod 755 /start && echo built > /www/built.txt\nCMD ["/start"]\n'
    return {"Dockerfile": dockerfile, "start": script(start), "www/index.html": text}


def push_image(cluster: Cluster, repository: str, tag: str, start: Start, text: str, **config: Any) -> str:
    """Push the site's image as CI would, without a build, and return it by digest; ``config`` as in the OCI image config."""
    tar = oci.tar_of(
        {
            "bin/busybox": images.BUSYBOX_PROGRAM.read_bytes(),
            "start": script(start).encode(),
            "www/index.html": text.encode(),
        },
        {
            f"bin/{name}": "busybox"
            for name in ("sh", "httpd", "sleep", "tail", "touch", "killall", "echo", "mkdir", "rm")
        },
    )
    reference = f"{cluster.registry}/{repository}:{tag}"
    digest = oci.push(oci.image(tar, {"Cmd": ["/start"], "Env": ["PATH=/bin"], **config}), reference)
    return f"{cluster.registry}/{repository}@{digest}"
