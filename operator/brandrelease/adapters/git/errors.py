"""From what git prints when it fails to a reason and a sentence for people. Pure.

The texts are git's, libcurl's, GnuTLS's and OpenSSH's with LC_ALL=C; tests/adapters holds them against the real
programs.
"""

import re
from dataclasses import dataclass
from typing import Final

from brandrelease.apis.reasons import Reason
from brandrelease.core.plain import line, plain
from brandrelease.core.snapshot import Unresolved
from brandrelease.core.words import cut

SHOWN_LIMIT: Final = 300
"""Characters of git's own words in a message."""


class SourceTrouble(Exception):
    """A repository could not be read; the answer says why, without any secret."""

    def __init__(self, answer: Unresolved) -> None:
        super().__init__(answer.message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Rule:
    """What a text in git's standard error means. In the sentence, {url} is the repository and {0} the first group."""

    pattern: re.Pattern[str]
    reason: Reason
    passing: bool
    sentence: str


def _rule(pattern: str, reason: Reason, sentence: str, *, passing: bool = False) -> Rule:
    return Rule(re.compile(pattern), reason, passing, sentence)


_NO_LOGIN: Final = (
    "{url} asks for a login. Put username and password into a Secret in the build namespace and name it in "
    "spec.source.secretName; hosts also ask for one if the repository does not exist."
)
_BAD_LOGIN: Final = (
    "{url} does not accept the login in the Secret of spec.source.secretName. Renew it, and see that it may read this "
    "repository."
)

_RULES: Final = (
    _rule(
        r"Host key verification failed",
        Reason.SourceAuthenticationFailed,
        "The server of {url} shows another host key than known_hosts in the Secret of spec.source.secretName has, or "
        "has none there. If the server's key was changed on purpose, put what ssh-keyscan prints there; if not, "
        "somebody may stand between.",
    ),
    _rule(
        r"Load key .{0,300}: (.{1,300})",
        Reason.SourceAuthenticationFailed,
        "The identity in the Secret of spec.source.secretName for {url} cannot be used as a private key: {0}. It must "
        "be an OpenSSH or PEM private key without a passphrase.",
    ),
    _rule(
        r"Permission denied \((.{1,300}?)\)",
        Reason.SourceAuthenticationFailed,
        "The server of {url} does not accept the identity in the Secret of spec.source.secretName ({0}). Add its "
        "public key to the repository as a deploy key that may read.",
    ),
    _rule(
        r"[Rr]epository .{0,2048}not found|Repository not found|does not appear to be a git repository"
        r"|not valid: is this a git repository|could not be found|requested URL returned error: (?:404|410)",
        Reason.SourceNotFound,
        "There is no git repository at {url}, or the login may not see it. Correct spec.source.url, or the Secret of "
        "spec.source.secretName.",
    ),
    _rule(
        r"requested URL returned error: 3\d\d|unable to update url base from redirection",
        Reason.SourceNotFound,
        "The server of {url} answers with another address, which is not followed. Write the repository's present "
        "address in spec.source.url.",
    ),
    _rule(
        r"not our ref|unadvertised object|[Cc]ouldn't find remote ref|no such remote ref",
        Reason.RefNotFound,
        "{url} does not have this commit. Push it, or write another ref.",
    ),
    _rule(
        r"requested URL returned error: (429|5\d\d)",
        Reason.SourceUnreachable,
        "The server of {url} answers with HTTP status {0}; it is asked again.",
        passing=True,
    ),
    _rule(
        r"Could not resolve host(?:name)?:? ([^\s:;]+)",
        Reason.SourceUnreachable,
        "The name {0} of {url} is not known to DNS; it is asked again. Correct spec.source.url if it is misspelt.",
        passing=True,
    ),
    _rule(
        r"(SSL certificate problem[^\n]*|server certificate verification failed[^\n]*"
        r"|certificate subject name[^\n]*|SSL: no alternative certificate subject name[^\n]*)",
        Reason.SourceUnreachable,
        "The TLS certificate of {url} is not trusted ({0}). If it is of a certificate authority of your own, add its "
        "certificate as caFile to the Secret of spec.source.secretName.",
    ),
    _rule(
        r"transport '(\w+)' not allowed",
        Reason.SourceNotAllowed,
        "git may not speak {0}, which {url} wants. Write an https:// or ssh:// address in spec.source.url.",
    ),
    _rule(
        r"Operation too slow|[Tt]imed out|[Tt]imeout",
        Reason.SourceUnreachable,
        "The server of {url} is too slow or cannot be reached; it is asked again.",
        passing=True,
    ),
    _rule(
        r"(Failed to connect to [^\n]*|Connection refused|Connection reset[^\n]*|No route to host"
        r"|Network is unreachable|Connection closed[^\n]*|kex_exchange_identification[^\n]*|Empty reply from server"
        r"|unexpected disconnect|the remote end hung up|early EOF|RPC failed[^\n]*|gnutls_handshake[^\n]*"
        r"|TLS connection[^\n]*)",
        Reason.SourceUnreachable,
        "The server of {url} cannot be reached ({0}); it is asked again.",
        passing=True,
    ),
    _rule(
        r"No space left on device",
        Reason.SourceUnreachable,
        "The operator's disk is full (BRANDRELEASE_CACHE_DIR), so {url} cannot be read.",
        passing=True,
    ),
)

_LOGIN_REFUSED: Final = re.compile(
    r"could not read (?:Username|Password)|Authentication failed|requested URL returned error: (?:401|403)"
)


def recognise(url: str, errors: str, *, with_login: bool) -> Unresolved | None:
    """What git's standard error means, or None if it is nothing that a server or a network does."""
    errors = plain(errors)
    own = "\n".join(each for each in errors.splitlines() if not each.startswith(("remote: ", "warning: ")))
    # A server's banner must not hide what git says; but some servers say only there that they have no such project.
    return _recognise(url, own, with_login=with_login) or _recognise(url, errors, with_login=with_login)


def _recognise(url: str, text: str, *, with_login: bool) -> Unresolved | None:
    if _LOGIN_REFUSED.search(text):
        sentence = _BAD_LOGIN if with_login else _NO_LOGIN
        return Unresolved(Reason.SourceAuthenticationFailed, sentence.format(url=url), passing=False)
    for rule in _RULES:
        if match := rule.pattern.search(text):
            detail = cut(line(match.group(1) if match.re.groups else "").rstrip("."), SHOWN_LIMIT)
            return Unresolved(rule.reason, rule.sentence.format(detail, url=url), rule.passing)
    return None


def unrecognised(url: str, code: int, errors: str) -> Unresolved:
    """The answer where git failed in a way that nobody foresaw: its last words, which are often clear."""
    lines = [line(each) for each in plain(errors).splitlines() if each.startswith(("fatal: ", "error: "))]
    words = cut(lines[-1].removeprefix("fatal: ").removeprefix("error: "), SHOWN_LIMIT) if lines else "no message"
    shown = words.rstrip(".")
    message = f"git could not read {url}; it is tried again. git ended with code {code}: {shown}."
    return Unresolved(Reason.SourceUnreachable, message, passing=True)


def overrun(url: str, what: str) -> Unresolved:
    """The answer where git was stopped. what: `process.Overrun`'s half sentence."""
    return Unresolved(
        Reason.SourceUnreachable, f"Reading {url} {what} and was stopped; it is tried again.", passing=True
    )


def cannot_run(url: str, error: OSError) -> Unresolved:
    """The answer where git or the cache directory cannot be used at all: the operator's own surroundings are broken."""
    message = f"The operator cannot run git to read {url}: {error.strerror or 'unknown error'}."
    if error.filename:
        message = f"The operator cannot run git to read {url}: {error.strerror} ({error.filename})."
    return Unresolved(Reason.SourceUnreachable, message, passing=True)
