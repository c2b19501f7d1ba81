"""Why an HTTP server gave no answer, in words that end a sentence: "refuses connections"."""

import errno
import os
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError

from brandrelease.core.words import cut

_OWN: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.EADDRNOTAVAIL,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EACCES,
        errno.EPERM,
        errno.EAFNOSUPPORT,
    }
)
"""What the operator's own machine says before anything has left it."""

_CONNECTING: Final = {
    errno.ECONNREFUSED: "refuses connections",
    errno.ECONNRESET: "resets the connection",
    errno.EHOSTUNREACH: "cannot be reached (no route to host)",
    errno.EHOSTDOWN: "cannot be reached (host is down)",
    errno.ETIMEDOUT: "does not take connections (the system's own time limit)",
}

_CERTIFICATE: Final = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is signed by itself alone",
    19: "its certificate comes from an authority that the operator does not trust",
    20: "its certificate comes from an authority that the operator does not trust, or the certificates between are missing",
    21: "its certificate cannot be traced to an authority, since the certificates between are missing",
    23: "its certificate was revoked",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
"""By OpenSSL's numbers (SSLCertVerificationError.verify_code)."""


class NoAnswer(Exception):
    """The server gave no answer; the text is why, as the end of a sentence."""


class OwnTrouble(Exception):
    """The operator could not ask; the text is a sentence that says what to do."""


def trouble(error: aiohttp.ClientError, host: str, *, answered: bool) -> NoAnswer | OwnTrouble:
    """What an error of aiohttp means. answered: whether the head of an answer was there already."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return NoAnswer(of_certificate(error.certificate_error))
        case aiohttp.ClientConnectorSSLError():
            return NoAnswer(f"cannot agree on TLS with the operator ({_name_of(error.os_error)})")
        case aiohttp.ClientConnectorError():
            return _of_connecting(error.os_error, host)
        case aiohttp.ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
            return NoAnswer("sent a body that cannot be unpacked")
        case aiohttp.ServerDisconnectedError() if not answered:
            return NoAnswer("closed the connection without an answer")
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError():
            return NoAnswer(f"closed the connection {'in the middle of' if answered else 'before'} the answer")
        case aiohttp.InvalidURL():
            return NoAnswer("has an address that is not spelled as it should be")
        case aiohttp.ClientResponseError():
            return NoAnswer("answered with something that is not HTTP")
    # Only the kind of the error: its text may repeat what the server sent.
    return NoAnswer(f"gave an answer that cannot be read ({type(error).__name__})")


def of_certificate(error: Exception) -> str:
    """Why a certificate is refused."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, f"its certificate is refused ({cut(error.verify_message, 100)})")
    return "its certificate is refused"


def _of_connecting(error: OSError, host: str) -> NoAnswer | OwnTrouble:
    if error.errno in _OWN:
        return OwnTrouble(
            f"The operator cannot open a connection to {host}: {os.strerror(error.errno)}. Look at the network, the "
            "memory and the limits of the operator's own pod."
        )
    known = _CONNECTING.get(error.errno or 0)
    return NoAnswer(known or f"cannot be connected to ({_name_of(error)})")


def _name_of(error: OSError) -> str:
    """Short and without what the other side has said."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
