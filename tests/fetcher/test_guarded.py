from __future__ import annotations

import asyncio
import gzip
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Picture

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.fetcher.addresses import is_public
from cloudflare_image_mcp.fetcher.guarded import FetchLimits, GuardedFetcher
from cloudflare_image_mcp.fetcher.network import Resolver, system_resolver
from cloudflare_image_mcp.limits import MAX_IMAGE_BYTES
from tests.waiting import LONGEST

from .conftest import PRIVATE, PUBLIC, Authority, Host, counts_as_public, redirect, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudflare_image_mcp.fetcher.addresses import Address


class Names:
    """A resolver that gives each host its list of answers in turn, the last one for good."""

    def __init__(self, **answers: Sequence[Sequence[Address]]) -> None:
        self.answers = {name: list(turns) for name, turns in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[Address]:
        self.asked.append(host)
        turns = self.answers.get(host.partition(".")[0])
        if turns is None:
            raise OSError("no such host")
        return turns.pop(0) if len(turns) > 1 else turns[0]


def fetcher(names: Resolver = system_resolver, **options: Any) -> GuardedFetcher:
    """A fetcher for which only 127.0.0.1 is public, on any port; the rest has its defaults."""
    return GuardedFetcher(address_rule=counts_as_public, ports=None, resolve=names, **options)


async def refusal(fetcher: GuardedFetcher, url: str) -> str:
    """The reason alone: what stands between the URL and what is allowed."""
    with pytest.raises(GatewayError) as caught:
        await fetcher.fetch(url, "image")
    assert caught.value.kind == "invalid_image_url"
    assert caught.value.row.status == 400
    assert caught.value.param == "image"
    before, found, reason = caught.value.message.partition(" was not taken: ")
    assert found
    assert before.startswith('The image at "')
    reason, found, _ = reason.partition(". Allowed are http and https URLs")
    assert found
    return reason


async def test_an_image_is_fetched_with_any_stated_type(host: Host, png: bytes) -> None:
    payload = await fetcher().fetch(f"http://127.0.0.1:{host.port}/fox.png?size=1#top", "image")
    assert await payload.read() == png
    head = host.requests[0].lower()
    assert head.startswith("get /fox.png?size=1 http/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{host.port}\r\n" in head
    assert "\r\naccept-encoding: identity\r\n" in head
    assert "cookie" not in head
    assert "authorization" not in head


async def test_the_name_stays_in_the_request_when_its_address_is_connected_to(host: Host, png: bytes) -> None:
    names = Names(images=[[PUBLIC]])
    payload = await fetcher(names).fetch(f"http://images.test:{host.port}/fox.png", "image")
    assert await payload.read() == png
    assert f"host: images.test:{host.port}\r\n" in host.requests[0].lower()
    assert names.asked == ["images.test"]


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "GIF"])
async def test_every_format_that_the_gateway_reads(host: Host, format_: str) -> None:
    file = BytesIO()
    Picture.effect_noise((64, 64), 90).save(file, format_)
    host.answers["/x"] = reply(file.getvalue())
    payload = await fetcher().fetch(f"http://127.0.0.1:{host.port}/x", "image")
    assert await payload.read() == file.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
        "127.0.0.1.", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]", "0.0.0.0", "0", "[::]", "169.254.169.254", "2852039166", "[fe80::1%25lo]",
        "[fe80::1]", "10.0.0.1", "192.168.0.1", "100.100.100.200", "[fd00:ec2::254]", "224.0.0.1",
        "255.255.255.255", "①②⑦.0.0.1", "127。0。0。1",
    ],
)  # fmt: skip
async def test_as_shipped_no_spelling_of_a_private_address_is_connected_to(host: Host, name: str) -> None:
    """The host listens on 127.0.0.1: a connection to any spelling of it would be counted."""
    shipped = GuardedFetcher(ports=frozenset({host.port}), limits=FetchLimits(seconds=5))
    reason = await refusal(shipped, f"http://{name}:{host.port}/fox.png")
    assert reason in (
        "its host's address is not a public one",
        "its host is not known",  # a spelling that this system does not read as an address
        "it is not a valid URL",
    )
    if name in ("127.0.0.1", "2130706433", "0x7f000001", "localhost", "[::1]", "0.0.0.0", "169.254.169.254"):
        assert reason == "its host's address is not a public one"
    assert host.connections == 0


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://images.test/fox.png", "its scheme is neither http nor https"),
        ("file:///etc/passwd", "its scheme is neither http nor https"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "its scheme is neither http nor https"),
        ("data:image/png;base64,AAAA", "its scheme is neither http nor https"),
        ("//images.test/fox.png", "its scheme is neither http nor https"),
        ("fox.png", "its scheme is neither http nor https"),
        ("", "its scheme is neither http nor https"),
        ("http://", "it names no host"),
        ("http:///fox.png", "it names no host"),
        ("http://me:hush@images.test/", "it holds a user name or password"),
        ("http://me@images.test/", "it holds a user name or password"),
        ("http://images.test:22/", "its port is not allowed"),
        ("http://images.test:6379/", "its port is not allowed"),
        ("https://images.test:8443/", "its port is not allowed"),
        ("http://images.test:99999/", "it is not a valid URL"),
        ("http://images.test:0/", "it is not a valid URL"),
        ("http://images.test:x/", "it is not a valid URL"),
        ("http://[::1/", "it is not a valid URL"),
        ("http://images.test/\r\nX: y", "it is not a valid URL"),
        ("http://images.test/\0", "it is not a valid URL"),
        ("http://images.test/" + "x" * 2048, "the URL is longer than 2048 characters"),
        ("http://nowhere.test/", "its host is not known"),
        ("http://" + "x" * 64 + ".test/", "its host is not known"),
    ],
)
async def test_a_url_that_cannot_be_an_images_is_refused(url: str, reason: str) -> None:
    assert await refusal(GuardedFetcher(resolve=Names()), url) == reason


async def test_the_message_names_the_url_without_its_secrets_and_what_is_allowed() -> None:
    with pytest.raises(GatewayError) as caught:
        await GuardedFetcher().fetch("http://me:hush@127.0.0.1/a/fox.png?token=hush#hush", "image_url")
    assert caught.value.message == (
        'The image at "http://127.0.0.1/a/fox.png" was not taken: it holds a user name or password. '
        "Allowed are http and https URLs of a public host on port 80 or 443 that answer with a PNG, JPEG, "
        "WebP or GIF image of at most 25 MiB, within 20 s and 3 redirects."
    )


async def test_a_name_with_one_private_address_among_public_ones_is_refused(host: Host, inner: Host) -> None:
    for addresses in ([PRIVATE], [PUBLIC, PRIVATE], [PRIVATE, PUBLIC]):
        reason = await refusal(fetcher(Names(images=[addresses])), f"http://images.test:{host.port}/fox.png")
        assert reason == "its host's address is not a public one"
        assert str(PRIVATE) not in reason
    assert host.connections == inner.connections == 0


async def test_a_name_that_turns_private_after_the_check_is_not_asked_again(
    host: Host, inner: Host, png: bytes
) -> None:
    names = Names(images=[[PUBLIC], [PRIVATE]])
    payload = await fetcher(names).fetch(f"http://images.test:{host.port}/fox.png", "image")
    assert await payload.read() == png
    assert (len(names.asked), host.connections, inner.connections) == (1, 1, 0)


async def test_a_name_that_turns_private_before_a_redirect_is_refused(host: Host, inner: Host) -> None:
    host.answers["/again"] = redirect("/fox.png")
    names = Names(images=[[PUBLIC], [PRIVATE]])
    reason = await refusal(fetcher(names), f"http://images.test:{host.port}/again")
    assert reason == "its host's address is not a public one"
    assert (len(names.asked), host.connections, inner.connections) == (2, 1, 0)


async def test_when_the_first_address_does_not_answer_the_next_is_tried(host: Host, png: bytes) -> None:
    rule: Callable[[Address], bool] = {PUBLIC, PRIVATE}.__contains__  # nobody listens on the second
    names = Names(images=[[PRIVATE, PUBLIC]])
    either = GuardedFetcher(address_rule=rule, ports=None, resolve=names)
    assert await (await either.fetch(f"http://images.test:{host.port}/fox.png", "image")).read() == png


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirects_are_followed(host: Host, png: bytes, status: str) -> None:
    host.answers["/a"] = redirect(f"http://images.test:{host.port}/b", status, "Set-Cookie: id=1")
    host.answers["/b"] = redirect("fox.png", status)
    names = Names(images=[[PUBLIC]])
    payload = await fetcher(names).fetch(f"http://images.test:{host.port}/a", "image")
    assert await payload.read() == png
    assert not any("cookie" in request.lower() for request in host.requests)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.2:{port}/fox.png", "its host's address is not a public one"),
        ("//127.0.0.2:{port}/fox.png", "its host's address is not a public one"),
        ("http://localhost.test:{port}/fox.png", "its host's address is not a public one"),
        ("http://2130706434:{port}/fox.png", "its host's address is not a public one"),
        ("file:///etc/passwd", "its scheme is neither http nor https"),
        ("http://me:hush@127.0.0.1:{port}/fox.png", "it holds a user name or password"),
        ("http://[::1", "it redirects to what is not a valid URL"),
        ("/" + "x" * 3000, "the URL is longer than 2048 characters"),
    ],
)
async def test_a_redirect_leads_nowhere_that_a_url_may_not(host: Host, inner: Host, location: str, reason: str) -> None:
    host.answers["/a"] = redirect(location.format(port=host.port))
    names = Names(images=[[PUBLIC]], localhost=[[PRIVATE]], **{"127": [[PRIVATE]], "2130706434": [[PRIVATE]]})
    assert await refusal(fetcher(names), f"http://images.test:{host.port}/a") == reason
    assert inner.connections == 0


async def test_as_shipped_a_redirect_to_localhost_is_refused(host: Host, inner: Host) -> None:
    """The first hop alone is let through, by an exception for its address."""
    inner.answers["/a"] = redirect(f"http://localhost:{host.port}/fox.png")
    shipped = GuardedFetcher(address_rule=lambda a: a == PRIVATE or is_public(a), ports=None)
    reason = await refusal(shipped, f"http://{PRIVATE}:{inner.port}/a")
    assert reason == "its host's address is not a public one"
    assert (inner.connections, host.connections) == (1, 0)


async def test_too_many_redirects(host: Host) -> None:
    host.answers["/a"] = redirect("/a")
    assert await refusal(fetcher(), f"http://127.0.0.1:{host.port}/a") == "it redirects more than 3 times"
    assert host.connections == 4


async def test_a_redirect_to_nowhere(host: Host) -> None:
    host.answers["/a"] = reply(b"", "302 Found")
    assert await refusal(fetcher(), f"http://127.0.0.1:{host.port}/a") == "it redirects without saying where to"


async def test_one_gigabyte_by_its_length_is_refused_before_it_is_read(host: Host, png: bytes) -> None:
    head = reply(png, "200 OK", length=10**9)
    host.answers["/x"] = host.endless(head, bytes(65536))
    assert await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x") == "it is larger than 25 MiB"
    await asyncio.sleep(0.05)
    assert host.sent < 10_000_000  # what fits into the two sockets' buffers


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Connection: close"])
async def test_an_endless_answer_is_cut_off_at_the_limit(host: Host, png: bytes, framing: str) -> None:
    chunked = "chunked" in framing
    piece = b"10000\r\n" + bytes(65536) + b"\r\n" if chunked else bytes(65536)
    first = b"%x\r\n%b\r\n" % (len(png), png) if chunked else png
    host.answers["/x"] = host.endless(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + first, piece)
    assert await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x") == "it is larger than 25 MiB"
    assert host.sent < MAX_IMAGE_BYTES + 10_000_000


async def test_an_image_of_just_the_limit_is_taken(host: Host, png: bytes) -> None:
    exactly = fetcher(limits=FetchLimits(bytes=len(png)))
    assert (await exactly.fetch(f"http://127.0.0.1:{host.port}/fox.png", "image")).size == len(png)
    below = fetcher(limits=FetchLimits(bytes=len(png) - 1))
    assert await refusal(below, f"http://127.0.0.1:{host.port}/fox.png") == f"it is larger than {len(png) - 1} bytes"


async def test_a_slow_drip_is_cut_off_in_the_head_and_in_the_body(host: Host, png: bytes) -> None:
    host.answers["/head"] = host.endless(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n", pause=0.02)
    host.answers["/body"] = host.endless(reply(png[:64], length=100_000), b"x", pause=0.02)
    brief = fetcher(limits=FetchLimits(seconds=0.4))
    async with asyncio.timeout(LONGEST):
        for path in ("head", "body"):
            reason = await refusal(brief, f"http://127.0.0.1:{host.port}/{path}")
            assert reason == "it was not fetched within 0.4 seconds"


async def test_slow_redirects_share_one_time_limit(host: Host) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.25)
        writer.write(redirect("/a"))
        await writer.drain()

    host.answers["/a"] = slow
    reason = await refusal(fetcher(limits=FetchLimits(seconds=0.4)), f"http://127.0.0.1:{host.port}/a")
    assert reason == "it was not fetched within 0.4 seconds"


async def test_a_resolver_that_never_answers_is_cut_off() -> None:
    async def never(_host: str, _port: int) -> list[Address]:
        await asyncio.sleep(3600)
        return []

    stuck = GuardedFetcher(resolve=never, limits=FetchLimits(seconds=0.1))
    assert await refusal(stuck, "http://images.test/") == "it was not fetched within 0.1 seconds"


async def test_a_gzip_bomb_is_not_unpacked(host: Host) -> None:
    bomb = gzip.compress(bytes(100_000_000), 9)
    host.answers["/x"] = reply(bomb, "200 OK", "Content-Encoding: gzip")
    reason = await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x")
    assert reason == 'its host packed it ("gzip") although asked not to'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<!doctype html><title>Sign in</title>" + b" " * 5_000_000, "HTML"),
        (b"\0\0\0 ftypmp42" + bytes(5_000_000), "no known image"),
        (b'{"error": "no"}', "JSON"),
        (b"\x89PNG\r\n\x1a\n", "ends within its header"),
        (b"", "empty"),
    ],
)
async def test_what_is_no_image_is_refused(host: Host, body: bytes, reason: str) -> None:
    host.answers["/x"] = reply(body, "200 OK", "Content-Type: image/png")
    assert reason in await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x")


async def test_what_is_no_image_is_not_read_to_its_end(host: Host) -> None:
    host.answers["/x"] = host.endless(reply(b"<html>" + b" " * 100, length=20_000_000), bytes(65536))
    assert "HTML" in await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x")
    await asyncio.sleep(0.05)
    assert host.sent < 10_000_000


@pytest.mark.parametrize(
    "status", ["404 Not Found", "403 Forbidden", "500 Oh No", "204 No Content", "206 Partial", "304 Same"]
)
async def test_any_status_but_200_is_refused(host: Host, png: bytes, status: str) -> None:
    host.answers["/x"] = reply(b"" if status[:3] in ("204", "304") else png, status)
    reason = await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x")
    assert reason == f"its host answered with status {status[:3]}"


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"+PONG\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n\x89PNG"],
)  # fmt: skip
async def test_what_is_not_http_is_refused(host: Host, answer: bytes) -> None:
    host.answers["/x"] = answer
    reason = await refusal(fetcher(), f"http://127.0.0.1:{host.port}/x")
    assert reason == "its host broke off or did not speak HTTP"


async def test_a_port_without_a_server(host: Host) -> None:
    names = Names(images=[[PRIVATE]])
    other = GuardedFetcher(address_rule=lambda _address: True, ports=None, resolve=names)
    reason = await refusal(other, f"http://images.test:{host.port}/fox.png")
    assert reason == "no connection to its host could be made"


async def test_tls_with_the_right_name(secure_host: Host, authority: Authority, png: bytes) -> None:
    trusting = fetcher(Names(images=[[PUBLIC]]), ssl_context=authority.trusting())
    payload = await trusting.fetch(f"https://images.test:{secure_host.port}/fox.png", "image")
    assert await payload.read() == png


async def test_tls_that_fails(secure_host: Host, authority: Authority) -> None:
    names = Names(images=[[PUBLIC]], other=[[PUBLIC]])
    trusting = fetcher(names, ssl_context=authority.trusting())
    for who, url in (
        (fetcher(names), f"https://images.test:{secure_host.port}/fox.png"),  # signed by nobody known
        (trusting, f"https://other.test:{secure_host.port}/fox.png"),  # for another name
    ):
        assert await refusal(who, url) == "no secure connection to its host could be made"
    assert secure_host.requests == []


async def test_plain_http_where_tls_is_asked_for(authority: Authority) -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, str(PUBLIC), 0) as server:
        port = server.sockets[0].getsockname()[1]
        reason = await refusal(fetcher(ssl_context=authority.trusting()), f"https://127.0.0.1:{port}/fox.png")
    assert reason == "no secure connection to its host could be made"


async def test_proxies_of_the_environment_are_not_used(
    host: Host, inner: Host, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{PRIVATE}:{inner.port}")
    payload = await fetcher().fetch(f"http://127.0.0.1:{host.port}/fox.png", "image")
    assert await payload.read() == png
    assert inner.connections == 0


async def test_ones_own_network_when_it_is_allowed(host: Host, inner: Host, png: bytes) -> None:
    own = GuardedFetcher(allow_private=True)
    for address in (PUBLIC, PRIVATE):
        payload = await own.fetch(f"http://{address}:{host.port}/fox.png", "image")
        assert await payload.read() == png
    for name in ("169.254.169.254", "[fe80::1]", "0.0.0.0", "224.0.0.1", "[fd00:ec2::254]"):
        reason = await refusal(own, f"http://{name}:{host.port}/fox.png")
        assert reason == "its host's address is not one that images may come from"


async def test_a_literal_address_is_checked_even_if_the_resolver_answers_otherwise(host: Host, inner: Host) -> None:
    """aiohttp asks no resolver about a literal, so the socket's own address is checked."""
    names = Names(**{"127": [[PUBLIC]]})
    reason = await refusal(fetcher(names), f"http://{PRIVATE}:{inner.port}/fox.png")
    assert reason == "its host's address is not a public one"
    assert inner.connections == 0


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/fox.png?sig=a%2Fb%2bc+d==&x=%7E", "/fox.png?sig=a%2Fb%2bc+d==&x=%7E"),
        ("/a%2Fb/%66ox.png", "/a%2Fb/%66ox.png"),
        ("/müller fox.png", "/m%C3%BCller%20fox.png"),
    ],
)
async def test_a_signed_url_is_asked_for_as_it_is_written(host: Host, png: bytes, written: str, sent: str) -> None:
    host.answers[sent.partition("?")[0]] = reply(png)
    await fetcher().fetch(f"http://127.0.0.1:{host.port}{written}", "image")
    assert host.requests[0].startswith(f"GET {sent} HTTP/1.1")


async def test_many_at_once(host: Host, png: bytes) -> None:
    one = fetcher()
    url = f"http://127.0.0.1:{host.port}/fox.png"
    payloads = await asyncio.gather(*(one.fetch(url, "image") for _ in range(50)))
    assert [await payload.read() for payload in payloads] == [png] * 50


async def test_ones_own_network_is_refused_an_impossible_port() -> None:
    for port in (0, 65536, 99999):
        reason = await refusal(GuardedFetcher(allow_private=True), f"http://127.0.0.1:{port}/")
        assert reason == "it is not a valid URL"
