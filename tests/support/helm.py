"""Helm for tests: compiled like the cluster's other programs, and kept from the configuration of whoever runs them."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster import toolchain

CHARTS: Final = Path(__file__).resolve().parents[2] / "charts"
CHART, CRDS = CHARTS / "brandrelease", CHARTS / "brandrelease-crds"
COMMAND_SECONDS: Final = 120.0


class HelmError(Exception):
    """Helm refused; the message is what it said."""


@dataclass(frozen=True)
class Helm:
    """kubeconfig: of the cluster that it works on, where it works on one."""

    program: Path
    kubeconfig: Path | None = None

    @classmethod
    def compiled(cls, kubeconfig: Path | None = None) -> "Helm":
        """Helm, compiled now if that was never done on this machine."""
        return cls(toolchain.programs((toolchain.HELM,), print) / "helm", kubeconfig)

    def run(self, *arguments: str | Path, stdin: str = "", limit: float = COMMAND_SECONDS) -> str:
        """What it prints; raises HelmError if it fails within ``limit`` seconds, or takes longer."""
        argv = [str(self.program), *map(str, arguments)]
        with tempfile.TemporaryDirectory(prefix="helm-") as home:
            places = {f"HELM_{name}_HOME": f"{home}/{name}" for name in ("CACHE", "CONFIG", "DATA")}
            kubeconfig = str(self.kubeconfig) if self.kubeconfig else f"{home}/none"
            environment = {**os.environ, **places, "KUBECONFIG": kubeconfig}
            try:
                done = subprocess.run(
                    argv, input=stdin, capture_output=True, text=True, timeout=limit, env=environment, check=False
                )
            except subprocess.TimeoutExpired as late:
                raise HelmError(f"{' '.join(argv)} had not ended after {limit:g} seconds.") from late
        if done.returncode != 0:
            raise HelmError(f"{' '.join(argv)} failed: {done.stderr.strip()}\n{done.stdout.strip()}")
        return done.stdout
