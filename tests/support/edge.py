"""A real nginx as the edge in front of pods, as an ingress is: it speaks TLS to visitors and plain HTTP to pods."""

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster.certificates import KeyPair
from cluster.ports import free_port

NGINX = Path("/usr/sbin/nginx")
START_SECONDS = 20.0


class Edge:
    """Runs while the block runs, with its files in ``directory``. ``pods``: address:port of each."""

    def __init__(self, directory: Path, pair: KeyPair, pods: tuple[str, ...], address: str = "127.0.0.1") -> None:
        self.address, self.port = address, free_port(address)
        self._directory, self._pair, self._pods = directory, pair, pods
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What visitors ask for."""
        return f"https://{self.address}:{self.port}/"

    def start(self) -> None:
        """Start it, each time at the same address, and wait until it takes connections."""
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "nginx.conf"
        configuration.write_text(self._configuration())
        argv = [str(NGINX), "-p", str(self._directory), "-c", str(configuration), "-e", str(self._log)]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"nginx does not listen. It said: {self._log.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, unless it has ended already."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def serves(self, pods: tuple[str, ...]) -> None:
        """Put it before other pods, as with a wrong port in an Ingress."""
        self.stop()
        self._pods = pods
        self.start()

    @property
    def _log(self) -> Path:
        return self._directory / "nginx.log"

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def _configuration(self) -> str:
        upstream = "\n".join(f"server {pod};" for pod in self._pods)
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{place}_temp_path {self._directory}/{place};" for place in places)
        return f"""
            daemon off; master_process off; pid {self._directory}/nginx.pid;
            events {{}}
            http {{
              access_log off;
              {temporary}
              upstream pods {{ {upstream} }}
              server {{
                listen {self.address}:{self.port} ssl;
                ssl_certificate {self._pair.certificate};
                ssl_certificate_key {self._pair.key};
                location / {{
                  proxy_pass http://pods;
                  proxy_set_header Host $http_host;
                  proxy_set_header X-Forwarded-Proto $scheme;
                  proxy_connect_timeout 2s;
                }}
              }}
            }}
            """
