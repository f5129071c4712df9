"""Decides which IP addresses are public. The sources are IANA's registries of special-purpose addresses.

Python's ``is_global`` is the base, but it depends on the Python version, calls multicast global, and does not
look into IPv6 addresses that stand for an IPv4 address.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NOT_PUBLIC_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # "this network": 0.0.0.0 reaches the machine itself
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT, where clouds also keep metadata services
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: cloud metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, among them Teredo, which hides an IPv4 address
            "2001:db8::/32",
            "2002::/16",  # 6to4: hides an IPv4 address, and is no longer used
            "3fff::/20",
        ),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NEVER_V4: Final = tuple(map(IPv4Network, ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
_METADATA_V6: Final = IPv6Address("fd00:ec2::254")  # AWS's metadata service


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could reach it, so that this machine's place in a network gives nothing
    away.
    """
    plain = embedded(address)
    if isinstance(plain, IPv4Address):
        return plain.is_global and not _within(plain, _NOT_PUBLIC_V4)
    return plain in _GLOBAL_UNICAST and plain.is_global and not _within(plain, _NOT_PUBLIC_V6)


def is_reachable(address: Address) -> bool:
    """The wider rule for people whose images are on their own network: private addresses too, but never link-
    local, multicast or unspecified ones, where no image is and credentials may be.
    """
    plain = embedded(address)
    if isinstance(plain, IPv4Address):
        return not _within(plain, _NEVER_V4)
    if plain.is_multicast or plain.is_unspecified or plain.is_link_local or plain == _METADATA_V6:
        return False
    return is_public(plain) or plain.is_private


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped or NAT64 (RFC 6052) address stands for; any other as it is."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _within(address: Address, networks: tuple[IPv4Network, ...] | tuple[IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)
