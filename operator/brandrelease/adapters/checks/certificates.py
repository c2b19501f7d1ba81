"""When the certificate of a server ends."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from brandrelease.adapters.checks.names import Address

EXPIRED: Final = 10
"""OpenSSL's number for a certificate that has expired, as in SSLCertVerificationError.verify_code."""

_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""

MakeTls = Callable[[], ssl.SSLContext]


def ignoring_time(make_tls: MakeTls) -> ssl.SSLContext:
    """The same trust, but for certificates that have expired. Nothing is sent over such a connection."""
    tls = make_tls()
    tls.verify_flags |= _NO_CHECK_TIME
    return tls


def end_of(transport: asyncio.BaseTransport | None) -> datetime | None:
    """When the certificate of the other side ends; None where it has none."""
    certificate: Mapping[str, Any] | None = transport.get_extra_info("peercert") if transport else None
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


async def end_of_expired(address: Address, port: int, host: str, tls: ssl.SSLContext) -> datetime | None:
    """When the certificate of a server ended that was refused for that. tls: see `ignoring_time`."""
    try:
        _, writer = await asyncio.open_connection(str(address), port, ssl=tls, server_hostname=host)
    except OSError:
        return None
    try:
        return end_of(writer.transport)
    finally:
        writer.transport.abort()
