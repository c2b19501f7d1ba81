"""What the name of a host means, and whether an address is one of the internet that everybody may ask."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

Address = IPv4Address | IPv6Address

THREADS: Final = 8
"""Lookups at the same time. The resolver of libc blocks and cannot be stopped: a DNS server that does not answer must
not take the threads of asyncio, which other parts of the operator need."""

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class Names(Protocol):
    """Looks up names."""

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Where the host is, the best address first. Raises OSError or ValueError."""
        ...


class SystemNames:
    """As the system of the operator's pod resolves them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="names")

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Where the host is, the best address first. Raises OSError or ValueError."""
        if literal := _literal(host):
            return (literal,)
        look_up = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        answers = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return tuple(ipaddress.ip_address(answer[4][0]) for answer in answers)

    def close(self) -> None:
        """No more lookups; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def public(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """Those of the internet: not of this machine, this network, the cloud's metadata or a group of hosts."""
    return tuple(address for address in addresses if _is_public(address))


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address in _NAT64:
        return _is_public(IPv4Address(address.packed[-4:]))
    # IPv4 in other clothes (::ffff:10.0.0.1, 6to4, Teredo) says with which address it ends up where; nobody needs it.
    in_other_clothes = address.ipv4_mapped or address.sixtofour or address.teredo
    return address in _GLOBAL_UNICAST and address.is_global and not in_other_clothes


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
