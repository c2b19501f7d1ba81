"""The fence: open while the Lease is surely held, and the end of the process after that."""

import contextlib
import math
import subprocess
import sys
import threading
import time
from typing import NoReturn

import pytest

from brandrelease.controller.fence import EXIT_DEPOSED, Fence
from brandrelease.ports import NotLeading


class EndOfProcess(BaseException):
    pass


class Bench:
    """A fence whose time is set by the test, and which ends nothing."""

    def __init__(self) -> None:
        self.now = 100.0
        self.fence = Fence(lambda: self.now, self._end)
        self.ended = threading.Event()

    def _end(self, why: str) -> NoReturn:
        self.ended.set()
        raise EndOfProcess(why)

    def write(self) -> None:
        with self.fence.write():
            pass


def test_nothing_is_written_before_this_replica_leads() -> None:
    with pytest.raises(NotLeading, match="does not lead: nothing was sent"):
        Bench().write()


def test_writes_go_through_until_the_last_moment_and_each_renewal_gives_more_time() -> None:
    bench = Bench()
    bench.fence.open_until(110)
    bench.now = 109.9
    bench.write()
    bench.fence.open_until(120)
    bench.now = 119.9
    bench.write()
    bench.fence.ask()


@pytest.mark.parametrize("late", [0.0, 0.1, 30.0])
def test_who_asks_after_the_time_limit_ends_the_process(late: float) -> None:
    bench = Bench()
    bench.fence.open_until(110)
    bench.now = 110 + late
    with pytest.raises(EndOfProcess, match=f"The Lease could not be renewed in time; .* {late:.1f} s ago"):
        bench.write()
    with pytest.raises(EndOfProcess):
        bench.fence.ask()


def test_the_guard_ends_the_process_also_if_nobody_asks() -> None:
    ended = threading.Event()

    def end(_: str) -> NoReturn:
        ended.set()
        threading.Event().wait()  # it never returns, as the end of a process does not
        raise AssertionError

    fence, start = Fence(end=end), time.monotonic()
    fence.open_until(start + 0.2)
    fence.guard()
    assert ended.wait(5)
    assert 0.2 <= time.monotonic() - start < 2


def test_the_guard_of_a_replica_that_leads_for_ever_waits_for_ever() -> None:
    bench, before = Bench(), set(threading.enumerate())
    bench.fence.open_until(math.inf)
    bench.fence.guard()
    (thread,) = set(threading.enumerate()) - before
    bench.fence.shut()
    thread.join(5)
    assert not thread.is_alive()


def test_after_the_good_end_nothing_is_written_and_the_time_limit_ends_nothing() -> None:
    bench = Bench()
    bench.fence.open_until(110)
    bench.fence.guard()
    bench.fence.shut()
    bench.now = 200
    with pytest.raises(NotLeading):
        bench.write()
    assert not bench.ended.wait(0.1)


def test_it_is_quiet_when_what_was_under_way_is_answered_or_has_failed() -> None:
    bench = Bench()
    bench.fence.open_until(110)
    with bench.fence.write():
        with contextlib.suppress(RuntimeError), bench.fence.write():
            quiet = bench.fence.shut()
            raise RuntimeError
        assert not quiet.done()
    assert quiet.done()


def test_a_fence_with_nothing_under_way_is_quiet_at_once() -> None:
    bench = Bench()
    bench.fence.open_until(110)
    bench.write()
    assert bench.fence.shut().done()


def test_the_process_ends_at_once_with_its_own_exit_code_and_a_last_line() -> None:
    script = (
        "import atexit; from brandrelease.controller.fence import Fence; atexit.register(print, 'goodbye');"
        "fence = Fence(lambda: 20.0); fence.open_until(15.0);\n"
        "with fence.write(): print('written')"
    )
    ended = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=False)
    assert ended.returncode == EXIT_DEPOSED == 75
    assert "ends at once" in ended.stdout + ended.stderr
    assert "written" not in ended.stdout
    assert "goodbye" not in ended.stdout
