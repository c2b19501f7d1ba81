"""The real kubectl, as people use it."""

import subprocess

from cluster.api import ApiServer

KUBECTL_SECONDS = 30.0


class Kubectl:
    """Kubectl as an administrator of one API server."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def __call__(self, *arguments: str) -> str:
        """What it prints; fails the test with its complaint."""
        ended = subprocess.run(
            (str(self._server.kubectl), "--kubeconfig", str(self._server.kubeconfig), *arguments),
            # What it remembers of the API is true of this server alone.
            env={"HOME": str(self._server.directory), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout
