"""The commands, in the order in which the help lists them."""

from brandrelease.cli.command import Command
from brandrelease.cli.commands.asking import ABORT, DEPLOY, OVERRIDE, RESUME, RETRY, ROLLBACK, SUSPEND
from brandrelease.cli.commands.diff import DIFF
from brandrelease.cli.commands.doctor import DOCTOR
from brandrelease.cli.commands.explain import EXPLAIN
from brandrelease.cli.commands.history import HISTORY
from brandrelease.cli.commands.logs import LOGS
from brandrelease.cli.commands.promote import PROMOTE
from brandrelease.cli.commands.status import STATUS

COMMANDS: tuple[Command, ...] = (
    STATUS,
    DIFF,
    DEPLOY,
    PROMOTE,
    ROLLBACK,
    ABORT,
    RETRY,
    OVERRIDE,
    SUSPEND,
    RESUME,
    HISTORY,
    LOGS,
    EXPLAIN,
    DOCTOR,
)
