"""``python -m support.codebuild --registry HOST:PORT``: the server as a process of its own, until SIGTERM or SIGINT."""

import argparse
import signal
import tempfile
import threading
from pathlib import Path

from support.codebuild.server import CodeBuildServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m support.codebuild", description=__doc__)
    parser.add_argument("--registry", required=True, metavar="HOST:PORT", help="a registry that runs, plain HTTP")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--tiny", action="store_true", help="push tiny images instead of building")
    project = "NAME=SOURCE_URL=REPOSITORY"
    parser.add_argument("--project", action="append", default=[], metavar=project, help="may be given more than once")
    options = parser.parse_args()
    the_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: the_end.set())
    with (
        tempfile.TemporaryDirectory(prefix="brandrelease-codebuild-") as directory,
        CodeBuildServer(
            Path(directory), options.address, registry=options.registry, port=options.port, real=not options.tiny
        ) as aws,
    ):
        for given in options.project:
            name, source, repository = given.split("=")
            aws.create_project(name, source, repository)
        print(f"AWS_ENDPOINT_URL={aws.url}", flush=True)
        the_end.wait()


if __name__ == "__main__":
    main()
