"""Words of the kubelet, the scheduler and the API server, fit to be quoted: on one line, and the same at each try.

A message that changed by itself would be written to the API server again and again. And what a probe or a hook prints is
the application's own: it may have a secret in it, as any log may.
"""

import re
from functools import lru_cache
from typing import Final

from brandrelease.core.plain import line, plain
from brandrelease.core.scrubbing.secret_patterns import without_lookalikes
from brandrelease.core.words import cut_middle

QUOTE_LIMIT: Final = 300
"""Bytes of somebody else's words in a message of ours. Of longer ones the middle goes: container runtimes put the cause last."""

READ_LIMIT: Final = 4096
"""Characters that are looked at, which is as much as the kubelet ever says of one thing."""

_CHANGING: Final = (
    re.compile(r"(?<!sha256:)\b[0-9a-f]{64}\b"),  # id of a sandbox or container, new at each try
    re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),  # id of a request
    re.compile(r"(?<=:)\d{1,5}(?=->)"),  # port that a connection goes out from
)
_BACK_OFF: Final = re.compile(r'^Back-off pulling image "[^"]*": (?:ErrImagePull: )?')


@lru_cache(maxsize=1024)  # the same words come with each pass, and to look for secrets takes a millisecond
def quoted(text: str) -> str:
    """Somebody's words on one line, without what changes at each try, without secrets, full stop and surplus."""
    text = _BACK_OFF.sub("", line(without_lookalikes(plain(text[:READ_LIMIT]))))
    for pattern in _CHANGING:
        text = pattern.sub("…", text)
    return cut_middle(text.rstrip("."), QUOTE_LIMIT)


def says(text: str, *words: str) -> bool:
    """Whether one of these stands in the text, in whatever case."""
    return any(word in text.lower() for word in words)
