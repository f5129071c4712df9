from __future__ import annotations

from ipaddress import ip_address

import pytest

from cloudflare_image_mcp.fetcher.addresses import is_public, is_reachable

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "192.167.255.255",
    "223.255.255.255",    "100.63.255.255", "100.128.0.0", "2606:4700::1111", "2a00:1450:4001::200e",
    "2400:cb00::1",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "100.100.100.200", "198.18.0.1", "192.0.0.192", "192.0.2.1", "203.0.113.7", "192.88.99.1", "::1",
    "fc00::1", "fd12:3456::1", "2001:db8::1", "3fff::1", "2002:7f00:1::", "2002:0808:0808::",
    "2001:0:4136:e378::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "::7f00:1", "5f00::1",
    "64:ff9b:1::8.8.8.8", "100::1", "fec0::1", "4000::1",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "fe80::1", "ff02::1", "ff0e::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
    "64:ff9b::169.254.169.254", "fd00:ec2::254",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_ones(address: str) -> None:
    assert is_public(ip_address(address))
    assert is_reachable(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_all_others_are_not(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12:3456::1"])
def test_ones_own_network_is_reachable_when_allowed(address: str) -> None:
    assert is_reachable(ip_address(address))


@pytest.mark.parametrize("address", NEVER)
def test_what_is_never_reachable(address: str) -> None:
    assert not is_reachable(ip_address(address))
