"""The command line: `brandrelease run`, also `python -m brandrelease run`."""

import argparse
import asyncio
import sys
from importlib.metadata import version
from typing import Final

from brandrelease.bootstrap import run
from brandrelease.settings import InvalidSettings, Settings, load_settings
from brandrelease.telemetry import configure_logging

EXIT_USAGE: Final = 64
"""EX_USAGE of sysexits.h."""


def main() -> None:
    """Read the command line and the environment, and do what is asked."""
    parser = argparse.ArgumentParser(
        prog="brandrelease",
        description="Builds, deploys and watches the releases of many sites, and rolls back the bad ones.",
        epilog="Settings come from the environment: "
        + ", ".join(f"BRANDRELEASE_{name.upper()}" for name in Settings.model_fields if name != "kubeconfig"),
    )
    parser.add_argument("--version", action="version", version=f"brandrelease {version('brandrelease')}")
    parser.add_subparsers(dest="command", required=True).add_parser("run", help="run the operator until it is stopped")
    parser.parse_args()
    try:
        settings = load_settings()
    except InvalidSettings as error:
        sys.stderr.write(f"brandrelease: {error}\n")
        sys.exit(EXIT_USAGE)
    configure_logging(settings.log_format, settings.log_level)
    asyncio.run(run(settings))
