"""The command line: ``python -m cluster up|down|status|kubeconfig|toolchain|packages``. The only module here that prints."""

import argparse
import sys

from cluster import api, debian, local, toolchain
from cluster.errors import ClusterError
from cluster.places import run_directory

DEFAULT_NAME = "brandrelease"


def main() -> int:
    """Run one command; return the exit code."""
    arguments = _parser().parse_args()
    try:
        return _run(arguments)
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "up":
        return _up(arguments.name, arguments.provider, arguments.hours)
    if arguments.command == "down":
        api.down(arguments.name, arguments.provider)
        _say(f"The cluster {arguments.name} is down and nothing of it is left.")
        return 0
    if arguments.command == "kubeconfig":
        _say(str(run_directory(arguments.name) / "kubeconfig"))
        return 0
    if arguments.command == "packages":
        tests = {**debian.FOR_THE_TESTS, **debian.FOR_THE_DATABASE, **debian.FOR_THE_CHECKS, **debian.FOR_THE_BOARD}
        debian.require({**debian.FOR_THE_NODE, **tests}, _say)
        return 0
    if arguments.command == "toolchain":
        toolchain.programs((toolchain.HELM,), _say)
        _say(f"The programs are in {toolchain.programs(toolchain.NODE, _say)}.")
        toolchain.programs((toolchain.GITOPS,), _say)
        return 0
    return _status(arguments.name)


def _up(name: str, provider: str | None, hours: float) -> int:
    cluster = api.up(name, provider, say=_say, hours=hours)
    _say(
        f"The cluster {cluster.name} is up. Its registry is {cluster.registry}; pods reach this host at {cluster.host_address}."
    )
    _say(f"export KUBECONFIG={cluster.kubeconfig}")
    _say(f"export PATH={cluster.programs}:$PATH")
    return 0


def _status(name: str) -> int:
    if local.is_up(name):
        _say(f"The cluster {name} is up; its files and logs are in {run_directory(name)}.")
        return 0
    _say(f"The cluster {name} is not up. Local clusters with files: {', '.join(local.names()) or 'none'}.")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cluster", description="A real Kubernetes cluster for tests and development."
    )
    parser.add_argument("command", choices=("up", "down", "status", "kubeconfig", "toolchain", "packages"))
    parser.add_argument("--name", default=DEFAULT_NAME, help="several clusters with different names can be up at once")
    parser.add_argument(
        "--provider", choices=api.PROVIDERS, help="default: kind if Docker answers and you are not root, else local"
    )
    parser.add_argument(
        "--hours", type=float, default=api.DEFAULT_HOURS, help="a local cluster ends by itself after so many hours"
    )
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
