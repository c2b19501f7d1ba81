"""`brandrelease run`: the operator itself."""

import asyncio

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
    asyncio.run(run(settings))
    return Exit.Live
