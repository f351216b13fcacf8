"""Which addresses a web address leads to: judged as the system resolves its host, whatever way the host is written."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from typing import Final

import httpx

from inspector.errors import InspectorError

RESOLVE_S: Final = 2.0  # that a setting may wait for a name; each connection judges it again
IPV4_IN_IPV6: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))  # the last 32 bits are an IPv4 address
METADATA: Final = frozenset(  # of clouds, outside the link-local addresses
    map(ip_address, ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"))
)


class SpecialAddressError(InspectorError):
    """A host leads to an address where nothing but the machine's own infrastructure answers."""

    def __init__(self, host: str, address: str) -> None:
        which = host if host == address else f"{host}, which is {address}"
        super().__init__(f"names {which}, an address of the machine's network itself; name the receiver's address")


def ascii_host(url: httpx.URL) -> str:
    """Return the host as it is resolved and named to the receiver."""
    return url.raw_host.decode("ascii")


def resolve(url: httpx.URL) -> list[str]:
    """Return the addresses of the host, in the system's order.

    Raises SpecialAddressError where one of them is special, OSError for an unknown name, UnicodeError for a wrong one.
    """
    host = ascii_host(url)
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if special := next(filter(is_special, addresses), None):
        raise SpecialAddressError(host, special)
    return addresses


def require_usual_address(url: httpx.URL) -> None:
    """Raise SpecialAddressError where the host is known to be special. A name that is unknown yet is accepted."""
    faults: list[SpecialAddressError] = []

    def judge() -> None:
        try:
            resolve(url)
        except SpecialAddressError as error:
            faults.append(error)
        except (OSError, UnicodeError):
            return

    judging = Thread(target=judge, name="webhook-address", daemon=True)
    judging.start()
    judging.join(RESOLVE_S)
    if faults:
        raise faults[0]


def is_special(address: str) -> bool:
    """Return whether nothing but the machine's own infrastructure answers there, such as a cloud's metadata."""
    judged = _meant(ip_address(address))
    return judged.is_link_local or judged.is_multicast or judged.is_unspecified or judged in METADATA


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if inner := address.ipv4_mapped or address.sixtofour:
        return inner
    number = int(address)
    is_wrapped = any(address in network for network in IPV4_IN_IPV6) and number & 0xFFFFFFFF > 1  # :: and ::1 are not
    return IPv4Address(number & 0xFFFFFFFF) if is_wrapped else address
