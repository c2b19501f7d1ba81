"""How things are said to people: short ids, numbers, lists, and texts cut to length."""

import re
from collections.abc import Sequence

SHORT_COMMIT = 12
_NUMBERS = ("never", "once", "twice", "three times", "four times", "five times", "six times")

_LOGIN_IN_ADDRESS = re.compile(r'(?<=://)[^\s/"]+@')
"""Up to the last @ before the path: passwords have them too."""

_ERROR_WORDS = ("error", "fatal", "exception", "panic", "emerg")

SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    15: "SIGTERM",
}
"""Linux's numbers."""

SIGNAL_EXIT = 128
"""A shell and the kubelet report a death by signal n as exit code 128 + n."""


def short(commit: str | None) -> str:
    """The first 12 characters of a commit id; nobody reads more."""
    return commit[:SHORT_COMMIT] if commit else "unknown commit"


def times(count: int) -> str:
    """A number of occurrences: once, twice, three times, 12 times."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count} times"


def several(count: int, thing: str) -> str:
    """A number of things: 1 pod, 3 pods."""
    return f"{count} {thing}" if count == 1 or thing == "more" else f"{count} {thing}s"


def capital(text: str) -> str:
    """The text as it begins a sentence."""
    return text[:1].upper() + text[1:]


def one_of(names: Sequence[str]) -> str:
    """A list for people: a, b and c."""
    quoted = [f'"{name}"' for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)


def without_passwords(text: str) -> str:
    """The text with every user and password taken out of the addresses in it (mysql://app:secret@db)."""
    return _LOGIN_IN_ADDRESS.sub("", text)


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` characters; the end of a cut one shows that it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut_middle(text: str, size: int) -> str:
    """The text in at most `size` bytes of UTF-8; one that is longer keeps its beginning and its end."""
    encoded, mark = text.encode(), " … "
    if len(encoded) <= size:
        return text
    room = max(0, size - len(mark.encode()))
    begin, end = encoded[: room - room // 2], encoded[len(encoded) - room // 2 :]
    return begin.decode(errors="ignore") + mark + end.decode(errors="ignore")


def telling_line(log: str) -> str:
    """The line of a log that tells most: the last one that names an error, else the last one; empty where there is none.

    The very last line is often only the end of a stack trace.
    """
    lines = [" ".join(line.split()) for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if any(word in line.lower() for word in _ERROR_WORDS)]
    return (errors or lines or [""])[-1]


def how_it_ended(exit_code: int, signal: int) -> str:
    """In what way a process ended."""
    number = signal or exit_code - SIGNAL_EXIT
    if signal or number in SIGNALS:
        return f"was killed by {SIGNALS.get(number, f'signal {number}')}"
    return f"exited with code {exit_code}"


def stands_paused(deployment: str) -> str:
    """What is said of a Deployment that somebody has paused."""
    resume = f"kubectl rollout resume deployment {deployment}"
    return f"Deployment {deployment} is paused, so no pod changes over and no deadline counts; {resume} lets it go on."


def seconds(amount: float) -> str:
    """A duration as people say it: 45 s, 2 min, 2 min 5 s, 1 h 30 min."""
    whole = round(amount)
    if whole < 120:  # noqa: PLR2004 - up to two minutes, seconds are what people think in
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
