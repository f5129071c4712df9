"""A client that sends requests of every kind to a gateway, and compares each answer with the one that is expected."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from clients.answers import Answer, Tally, WrongAnswer, check_image
from clients.samples import (
    BAD_REQUESTS,
    CHAT,
    COUNTED,
    FORMATS,
    JOBS,
    KLEIN,
    LIGHTNING,
    PATH,
    SIDE,
    picture,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

HANDED_ON: Final = frozenset({502, 503, 504})
"""Statuses of a request whose calls failed again in every retry."""
DELETED: Final = "a fox that is deleted"
"""The prompt of images that are deleted at once."""
LONGEST: Final = 60.0
"""Seconds without an answer after which a request is lost, and a job hangs."""
MCP_HEADERS: Final = {"Accept": "application/json, text/event-stream"}
MCP_REVISION: Final = "2025-11-25"


class MixedClient:
    """Sends one request of a kind drawn by weight for each call of ``send_one``."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        port: int,
        keys: Mapping[str, str],
        *,
        image_life: float,
        only: Collection[str] = (),
    ) -> None:
        """``keys`` by name: ``team``, ``metered``, ``budgeted``, ``narrow`` and ``admin``. ``image_life``: seconds for
        which the gateway keeps images. ``only``: the kinds of requests to send; all where it is empty. Raises
        ``ValueError`` for a kind that does not exist.
        """
        self.tally = Tally()
        self._session = session
        self._port = port
        self._keys = keys
        self._life = image_life
        self._random = random.Random(1)
        self._stored: deque[tuple[float, str]] = deque(maxlen=5000)
        """When each image was stored, and its path; the oldest first."""
        self._numbers = itertools.count(1)
        self._mcp: dict[str, str] = {}
        """Headers of the MCP session, once it is open."""
        self._source = picture("RGB", "JPEG")
        self._mask = picture("RGBA")
        kinds: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "base64": (23, self._base64),
            "url": (13, self._url),
            "edit with mask": (6, self._masked_edit),
            "edit as JSON": (4, self._json_edit),
            "variation": (3, self._variation),
            "chat": (5, self._chat),
            "stream": (3, self._stream),
            "stored image": (12, self._stored_image),
            "listing": (2, self._listing),
            "deleted image": (1, self._deleted_image),
            "job": (5, self._job),
            "cancelled job": (1, self._cancelled_job),
            "MCP": (6, self._mcp_call),
            "bad request": (6, self._bad_request),
            "client leaves": (4, self._leave),
            "metered key": (6, lambda: self._limited("metered", "rate_limit_exceeded")),
            "budgeted key": (2, lambda: self._limited("budgeted", "insufficient_quota")),
            "monitoring": (2, self._monitoring),
        }
        if unknown := set(only) - kinds.keys():
            raise ValueError(f"there is no {', '.join(unknown)}; there are {', '.join(kinds)}")
        kinds = {kind: pair for kind, pair in kinds.items() if not only or kind in only}
        self._acts = {kind: act for kind, (_, act) in kinds.items()}
        self._weights = [weight for weight, _ in kinds.values()]

    async def send_one(self) -> None:
        kind = self._random.choices(list(self._acts), self._weights)[0]
        self.tally.kinds[kind] += 1
        try:
            await self._acts[kind]()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.tally.lost += 1
            self.tally.problems.append(f"{kind}: lost: {error!r}")
        except (WrongAnswer, KeyError, ValueError, IndexError, TypeError) as error:  # the last four: of another form
            self.tally.wrong += 1
            self.tally.problems.append(f"{kind}: wrong: {error!r}")

    async def request(self, method: str, path: str, *, key: str = "team", **more: Any) -> Answer:
        """Sends a request and reads the whole answer. ``key`` is a name in ``keys``, or another text to be refused."""
        headers = {"Authorization": f"Bearer {self._keys.get(key, key)}", **more.pop("headers", {})}
        url = path if path.startswith("http") else f"http://127.0.0.1:{self._port}{path}"
        begun = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=LONGEST)
        async with self._session.request(method, url, headers=headers, timeout=timeout, **more) as response:
            answer = Answer(response.status, response.headers, await response.read())
        self.tally.seconds.append(time.monotonic() - begun)
        self.tally.statuses[answer.status] += 1
        return answer

    def _expect(self, answer: Answer, status: int, code: str | None = None) -> None:
        if answer.status != status or (code is not None and answer.code != code):
            raise WrongAnswer(f"{status} {code or ''} was expected, not {answer.status}: {answer.body[:300]!r}")

    async def _make(self, path: str, *, key: str = "team", **more: Any) -> Answer | None:
        """Sends a request for images. Returns the answer with status 200; None for a failure of the upstream."""
        self.tally.requests_for_images += 1
        answer = await self.request("POST", path, key=key, **more)
        if answer.status in HANDED_ON and answer.code in {"upstream_error", "overloaded", "upstream_timeout"}:
            self.tally.handed_on += 1
            return None
        self._expect(answer, 200)
        return answer

    def _fields(self, count: int = 1, **more: Any) -> dict[str, Any]:
        return {
            "model": LIGHTNING,
            "prompt": "a fox in the snow",
            "size": f"{SIDE}x{SIDE}",
            "seed": self._random.randrange(4),
            "n": count,
            **more,
        }

    def _check_images(self, answer: Answer, count: int, output_format: str | None = None) -> None:
        """Each image is whole; one is missing only where the answer says that a call failed."""
        body = answer.json
        if len(body["data"]) != count and not any("failed" in warning for warning in body.get("warnings", ())):
            raise WrongAnswer(f"{len(body['data'])} of {count} images: {body.get('warnings')}")
        for item in body["data"]:
            self.tally.images += 1
            if "url" in item:
                self._stored.append((time.monotonic(), item["url"]))
            else:
                check_image(base64.b64decode(item["b64_json"]), output_format)

    async def _base64(self) -> None:
        count, output_format = self._random.choice((1, 1, 1, 2)), self._random.choice((None, *FORMATS))
        fields = self._fields(count, response_format="b64_json")
        if output_format:
            fields["output_format"] = output_format
        answer = await self._make(f"{PATH}generations", json=fields)
        if answer:
            self._check_images(answer, count, output_format)

    async def _url(self) -> None:
        count = self._random.randint(1, 4)
        fields = self._fields(count, response_format="url", output_format=self._random.choice(FORMATS))
        answer = await self._make(f"{PATH}generations", json=fields)
        if answer:
            self._check_images(answer, count)

    def _form(self, count: int, **more: str) -> aiohttp.FormData:
        form = aiohttp.FormData()
        for name, value in self._fields(count, model=KLEIN, response_format="b64_json", **more).items():
            form.add_field(name, str(value))
        form.add_field("image", self._source, filename="a.jpg", content_type="image/jpeg")
        return form

    async def _masked_edit(self) -> None:
        form = self._form(1, output_format="png")
        form.add_field("mask", self._mask, filename="mask.png", content_type="image/png")
        answer = await self._make(f"{PATH}edits", data=form)
        if answer:
            self._check_images(answer, 1, "png")

    async def _json_edit(self) -> None:
        image = f"data:image/jpeg;base64,{base64.b64encode(self._source).decode()}"
        answer = await self._make(f"{PATH}edits", json=self._fields(model=KLEIN, image=image, response_format="url"))
        if answer:
            self._check_images(answer, 1)

    async def _variation(self) -> None:
        answer = await self._make(f"{PATH}variations", data=self._form(2))
        if answer:
            self._check_images(answer, 2)

    async def _chat(self) -> None:
        messages = [{"role": "user", "content": f"a fox --seed={self._random.randrange(4)} --size={SIDE}x{SIDE}"}]
        answer = await self._make(CHAT, json={"model": LIGHTNING, "messages": messages})
        if answer:
            url = answer.json["choices"][0]["message"]["images"][0]["image_url"]["url"]
            check_image(base64.b64decode(url.partition(",")[2]))
            self.tally.images += 1

    async def _stream(self) -> None:
        self.tally.requests_for_images += 1
        answer = await self.request("POST", f"{PATH}generations", json=self._fields(2, stream=True))
        self._expect(answer, 200)
        if b"event: error" in answer.body and any(code in answer.body for code in (b"upstream_", b"overloaded")):
            self.tally.handed_on += 1
        elif (completed := answer.body.count(b"event: image_generation.completed")) != 2:
            raise WrongAnswer(f"{completed} of 2 images in the stream: {answer.body[-300:]!r}")
        else:
            self.tally.images += 2

    async def _stored_image(self) -> None:
        """One that is kept, whole or in part, or one that has expired."""
        now = time.monotonic()
        while self._stored and now - self._stored[0][0] > self._life + LONGEST:
            self._stored.popleft()
        if not self._stored:
            return
        stored, url = self._random.choice(self._stored)
        part = self._random.random() < 0.2
        answer = await self.request("GET", url, headers={"Range": "bytes=0-99"} if part else {})
        age = now - stored
        if age > self._life + 5:
            self._expect(answer, 404, "not_found")
        elif age < self._life - 30:
            self._expect(answer, 206 if part else 200)
            if not part:
                check_image(answer.body)

    async def _listing(self) -> None:
        answer = await self.request("GET", f"{PATH.rstrip('/')}?limit=20")
        self._expect(answer, 200)
        kept = [row for row in answer.json["data"] if row["prompt"] != DELETED]
        for row in kept[:1]:
            self._expect(await self.request("GET", f"{PATH}{row['id']}"), 200)

    async def _deleted_image(self) -> None:
        """An image that another key cannot delete and its own can."""
        answer = await self._make(f"{PATH}generations", json=self._fields(prompt=DELETED, response_format="url"))
        if answer is None:
            return
        url = answer.json["data"][0]["url"]
        name = PATH + url.rpartition("/")[2].partition(".")[0]
        self._expect(await self.request("DELETE", name, key="narrow"), 404, "not_found")
        self._expect(await self.request("DELETE", name), 200)
        self._expect(await self.request("GET", url), 404, "not_found")

    async def _start_job(self, count: int) -> str:
        self.tally.requests_for_images += 1
        fields = self._fields(count, **{"async": True})
        answer = await self.request("POST", f"{PATH}generations", json=fields)
        self._expect(answer, 202)
        return str(answer.json["id"])

    async def _ended_job(self, job_id: str) -> dict[str, Any]:
        end = time.monotonic() + LONGEST
        while True:
            answer = await self.request("GET", f"{JOBS}/{job_id}")
            self._expect(answer, 200)
            job: dict[str, Any] = answer.json
            if job["status"] != "running":
                return job
            if time.monotonic() > end:
                raise TimeoutError(f"the job {job_id} hangs")
            await asyncio.sleep(0.5)

    async def _job(self) -> None:
        job_id = await self._start_job(2)
        if self._random.random() < 0.3:
            events = await self.request("GET", f"{JOBS}/{job_id}/events")
            self._expect(events, 200)
        job = await self._ended_job(job_id)
        if job["status"] == "failed" and job["error"]["code"] in {"upstream_error", "overloaded", "upstream_timeout"}:
            self.tally.handed_on += 1
        elif job["status"] != "completed":
            raise WrongAnswer(f"the job is {job['status']}: {job.get('error')}")
        else:
            self.tally.images += len(job["result"]["data"])
            self._expect(await self.request("GET", JOBS), 200)

    async def _cancelled_job(self) -> None:
        job_id = await self._start_job(4)
        self._expect(await self.request("DELETE", f"{JOBS}/{job_id}"), 200)
        job = await self._ended_job(job_id)
        if job["status"] not in {"cancelled", "completed"}:
            raise WrongAnswer(f"the cancelled job is {job['status']}: {job.get('error')}")

    async def _mcp_post(self, method: str, params: Any, headers: Mapping[str, str] = {}) -> Answer:
        message = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        answer = await self.request("POST", "/mcp", json=message, headers={**MCP_HEADERS, **headers})
        self._expect(answer, 200)
        return answer

    async def _open_mcp(self) -> dict[str, str]:
        client = {"name": "soak", "version": "1"}
        params = {"protocolVersion": MCP_REVISION, "capabilities": {}, "clientInfo": client}
        opened = await self._mcp_post("initialize", params)
        headers = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": MCP_REVISION}
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        notified = await self.request("POST", "/mcp", json=message, headers={**MCP_HEADERS, **headers})
        self._expect(notified, 202)
        return headers

    async def _mcp_call(self) -> None:
        """A call of a tool in a lasting session, or in one of its own, which most clients close."""
        own = self._random.random() < 0.2
        if own:
            headers = await self._open_mcp()
        else:
            self._mcp = self._mcp or await self._open_mcp()
            headers = self._mcp
        self.tally.requests_for_images += 1
        arguments = {"prompt": "a fox", "model": LIGHTNING, "size": f"{SIDE}x{SIDE}", "seed": self._random.randrange(4)}
        answer = await self._mcp_post("tools/call", {"name": "run_model", "arguments": arguments}, headers)
        if b'"isError":true' in answer.body:
            self.tally.handed_on += 1
        elif b'"status":"completed"' not in answer.body:
            raise WrongAnswer(f"MCP: {answer.body[-300:]!r}")
        else:
            self.tally.images += 1
        if own and self._random.random() < 0.8:
            self._expect(await self.request("DELETE", "/mcp", headers={**MCP_HEADERS, **headers}), 200)

    async def _bad_request(self) -> None:
        path, key, fields, status, code = self._random.choice(BAD_REQUESTS)
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        self.tally.requests_for_images += path in COUNTED
        answer = await self.request("POST", path, key=key, data=body, headers={"Content-Type": "application/json"})
        self._expect(answer, status, code)

    async def _leave(self) -> None:
        """Closes the connection after the request, or in the middle of its body."""
        body = json.dumps(self._fields(2)).encode()
        half = self._random.random() < 0.3
        head = (
            f"POST {PATH}generations HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._keys['team']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head + (body[:20] if half else body))
            await writer.drain()
            self.tally.requests_for_images += 1
            self.tally.left += 1
            await asyncio.sleep(self._random.choice((0.02, 0.1, 0.5)))
        finally:
            writer.close()

    async def _limited(self, key: str, code: str) -> None:
        """A key that asks for more than it may have."""
        self.tally.requests_for_images += 1
        fields = self._fields(response_format="b64_json")
        answer = await self.request("POST", f"{PATH}generations", key=key, json=fields)
        if answer.status == 429:
            self._expect(answer, 429, code)
            if "retry-after" not in answer.headers:
                raise WrongAnswer("429 without retry-after")
        elif answer.status in HANDED_ON:
            self.tally.handed_on += 1
        else:
            self._expect(answer, 200)
            self._check_images(answer, 1)
            self.tally.admitted[key] += 1

    async def _monitoring(self) -> None:
        path, key = self._random.choice(
            (("/health", "team"), ("/ready", "team"), ("/v1/models", "team"), ("/metrics", "admin"))
        )
        self._expect(await self.request("GET", path, key=key), 200)
        self._expect(await self.request("GET", "/metrics"), 403, "not_allowed")
