"""Answers ``POST …/ai/run``, through which other providers' models are called."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from cloudflare_image_mcp.catalog import BACKGROUND_REMOVER
from cloudflare_image_mcp.emulator.broken import BrokenAnswer
from cloudflare_image_mcp.emulator.cut_out import cut_out
from cloudflare_image_mcp.emulator.errors import GATEWAY_UNKNOWN, ROWS, refuse
from cloudflare_image_mcp.emulator.filter import is_refused
from cloudflare_image_mcp.emulator.hosted_images import HostedImages
from cloudflare_image_mcp.emulator.provider_errors import PROVIDER_ROWS, REFUSED
from cloudflare_image_mcp.emulator.proxied_input import read_proxied
from cloudflare_image_mcp.emulator.proxied_registry import Registry

if TYPE_CHECKING:
    from starlette.requests import Request

    from cloudflare_image_mcp.emulator.accounts import AccountLedger
    from cloudflare_image_mcp.emulator.counts import Counts
    from cloudflare_image_mcp.emulator.faults import Fault, FaultPlan
    from cloudflare_image_mcp.emulator.pictures import Pictures
    from cloudflare_image_mcp.emulator.proxied_input import ProxiedInput

HUGE: Final = 50_000_000
"""Bytes of the image that the fault ``huge`` hosts."""
LOOPBACK_URL: Final = "http://127.0.0.1/picture.png"
"""What the fault ``loopback`` answers: an address of the gateway's own machine that is not the emulator's."""


class ProxiedCalls:
    """Reads a call, draws its picture and hosts it under a URL."""

    def __init__(self, pictures: Pictures, faults: FaultPlan, counts: Counts) -> None:
        self._pictures = pictures
        self._faults = faults
        self._counts = counts
        self.registry = Registry()
        self.hosted = HostedImages()

    async def answer(self, request: Request, body: bytes, ledger: AccountLedger, headers: dict[str, str]) -> Response:
        """Raises ``RefusalError``."""
        gateway = request.headers.get("cf-aig-gateway-id", "default")
        if gateway not in ledger.gateways:
            raise refuse(GATEWAY_UNKNOWN)
        read = await asyncio.to_thread(read_proxied, body, self.registry)
        if is_refused(read.call.prompt):
            raise refuse(REFUSED)
        fault = self._faults.draw(lambda: read.call.picture)
        if fault is not None:
            self._counts.faults[fault.kind] += 1
            if fault.kind == "drop":
                return BrokenAnswer()
            await _fail_early(fault, read)
        image = await self._image(read, "" if fault is None else fault.kind, str(request.base_url).rstrip("/"))
        self._counts.answers["200"] += 1
        self._counts.images[read.row.id] += 1
        state = "Processing" if fault is not None and fault.kind == "unfinished" else "Completed"
        value: Any = [image] if read.row.answer == "images" else image
        result = {
            "state": state,
            "result": {read.row.answer: value} if state == "Completed" else {},
            "gatewayMetadata": {"keySource": "Unified"},
        }
        answer = {"success": True, "errors": [], "messages": [], "result": result}
        whole = JSONResponse(answer, headers=headers | {"cf-aig-log-id": "emulated", "cf-aig-cache-status": "MISS"})
        return BrokenAnswer(whole) if fault is not None and fault.kind == "cut" else whole

    async def _image(self, read: ProxiedInput, fault: str, origin: str) -> str:
        """The URL, ``data:`` URL or base64 of the picture."""
        if fault == "loopback":
            return LOOPBACK_URL
        if read.row.id == BACKGROUND_REMOVER and read.call.images:
            picture = await asyncio.to_thread(cut_out, read.call.images[0].data)
        else:
            picture = await self._pictures.draw(read.call, read.media_type, transparent=read.transparent)
        if fault == "truncate":
            picture = picture[: len(picture) // 2]
        if fault == "huge":
            picture += bytes(HUGE - len(picture))
        if fault in {"inline", "base64"}:
            text = base64.b64encode(picture).decode("ascii")
            return text if fault == "base64" else f"data:{read.media_type};base64,{text}"
        return origin + self.hosted.add(picture, read.media_type, expired=fault == "expired")


async def _fail_early(fault: Fault, read: ProxiedInput) -> None:
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    row = PROVIDER_ROWS.get(fault.kind) or ROWS.get(fault.kind)
    if row is not None:
        raise refuse(row, model=read.row.id)
