"""What the work on a build may do with it: go on to the next phase, say something, run a program, export a value."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from support.codebuild.builds import Build, Ended

SETPRIV = ("/usr/bin/setpriv", "--pdeathsig", "KILL")


class Progress:
    """Every method raises Ended when the build is over, whoever ended it."""

    def __init__(self, build: Build, clock: Callable[[], float], longest: float) -> None:
        self.build = build
        self._clock = clock
        self._longest = longest

    def enter(self, phase: str) -> None:
        """Go on to the phase, and let happen in it what the script says."""
        self.build.enter(phase, self._clock())
        script = self.build.script
        if script.phase != phase:
            return
        for line in script.log:
            self.say(line)
        told = self.build.told
        if script.seconds:
            self._wait(lambda: False, script.seconds)
        if script.polls:
            self._wait(lambda: self.build.told >= told + script.polls, self._longest)
        if script.ends_early:
            raise Ended(script.status, script.code, script.message)

    def say(self, line: str) -> None:
        """A line in the log."""
        self.build.log.write(f"{line}\n", self._clock())

    def variable(self, name: str) -> str:
        """A variable that the build cannot do without."""
        value = self.build.variables.get(name, "")
        if not value:
            command = f'test -n "${name}"'
            self.say(f"{name} is not set")
            raise failed_command(command, 1)
        return value

    def resolve(self, commit: str) -> None:
        """The source version turned out to be this commit."""
        with self.build.changed:
            self.build.commit = commit

    def export(self, name: str, value: str) -> None:
        with self.build.changed:
            self.build.exported[name] = value

    def run(self, argv: tuple[str, ...], environment: Mapping[str, str], directory: Path) -> int:
        """Run a program to its end, with its output in the log; its exit code."""
        process = self._start(argv, environment, directory)
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.say(line.decode(errors="replace").rstrip("\n"))
        code = process.wait()
        with self.build.changed:
            self.build.process = None
            if self.build.is_complete:
                raise Ended(self.build.status)
        return code

    def _start(self, argv: tuple[str, ...], environment: Mapping[str, str], directory: Path) -> subprocess.Popen[bytes]:
        with self.build.changed:  # so that whoever ends the build knows of the program
            if self.build.is_complete:
                raise Ended(self.build.status)
            self.build.process = subprocess.Popen(
                (*SETPRIV, *argv),
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return self.build.process

    def _wait(self, until: Callable[[], bool], seconds: float) -> None:
        with self.build.changed:
            self.build.changed.wait_for(lambda: self.build.is_complete or until(), seconds)
            if self.build.is_complete:
                raise Ended(self.build.status)


def failed_command(command: str, code: int) -> Ended:
    """The end of a build whose command failed, in the words of CodeBuild."""
    message = f"Error while executing command: {command}. Reason: exit status {code}"
    return Ended("FAILED", "COMMAND_EXECUTION_ERROR", message)
