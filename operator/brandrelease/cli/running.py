"""`brandrelease run`: the operator itself."""

import asyncio

from brandrelease.adapters.kube.kubeconfig import NoCluster
from brandrelease.bootstrap import run
from brandrelease.cli.exits import Exit, Problem
from brandrelease.settings import InvalidSettings, load_settings
from brandrelease.telemetry import configure_logging


def run_operator() -> Exit:
    """Run the operator until it is stopped."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        raise Problem(str(error), Exit.Usage) from error
    configure_logging(settings.log_format, settings.log_level)
    try:
        asyncio.run(run(settings))
    except NoCluster as error:
        raise Problem(f"The operator has no cluster to work in: {error}.", Exit.Unavailable) from error
    return Exit.Live
