"""Renders a job as a tool's result: a line of text, a preview and a link for each image, and structured content. The
whole result stays under a megabyte, because hosts drop larger ones.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Final

from mcp_types import Annotations, CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from cloudflare_image_mcp.catalog.model import USD_PER_NEURON
from cloudflare_image_mcp.core.job import JobState
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.errors import GatewayError, UnreadableImage

if TYPE_CHECKING:
    from starlette.requests import Request

    from cloudflare_image_mcp.core.job import Job
    from cloudflare_image_mcp.core.ports import StoredImage
    from cloudflare_image_mcp.core.result import ResultImage
    from cloudflare_image_mcp.imagefile.image import Image
    from cloudflare_image_mcp.mcp_server.caller import Caller
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

MAX_RESULT: Final = 1_000_000
"""Bytes of one result as JSON. Claude Desktop refuses 1,048,576, the Python client larger events."""
PICTURE_BUDGET: Final = 700_000
"""Bytes of those for the base64 of all images together."""
PREVIEW_SIDE: Final = 1024
"""The longest side of a preview, in pixels."""
PREVIEW_BYTES: Final = 160_000
"""File size of one preview. Several hosts count a picture's base64 as if it were text."""
LARGE_SIDE: Final = 2048
"""The longest side of a preview for ``output="image"``, if the file itself does not fit."""

RESULT_META: Final = "cloudflare-image-mcp/result"
"""The key in ``_meta`` where the gallery finds the structured content with MCP_STRUCTURED_RESULTS=off."""

ADVICE: Final = {
    "content_policy_violation": "reword the prompt, then try again",
    "edit_not_available": "choose another model that edits: list_models shows which",
    "insufficient_quota": "trying again before that does not help; tell the user",
    "internal_error": "trying again does not help; tell the user",
    "not_allowed": "use a model and an operation that this API key may use, or tell the user",
    "not_found": "list_images shows the images that are stored",
    "not_supported_here": "trying again does not help; tell the user",
    "upstream_authentication_error": "only the operator of the gateway can mend this; tell the user",
}
"""What to do about an error whose message does not say it, by the error's kind."""

_FOR_USER: Final = Annotations(audience=["user"])
_FOR_BOTH: Final = Annotations(audience=["user", "assistant"], priority=1.0)


def _cost_text(cost: dict[str, float]) -> str:
    neurons = f"{cost['neurons']:g} neurons (${cost['usd']:g})" if "neurons" in cost else f"${cost['usd']:g}"
    return f"Cost: {neurons}."


class JobRenderer:
    """Renders one job for one caller."""

    def __init__(self, endpoint: McpEndpoint, caller: Caller, job: Job) -> None:
        self._endpoint = endpoint
        self._request = caller.request
        self._job = job
        self._links = endpoint.links and caller.takes_links
        self._warnings = list(job.result.warnings if job.result else job.request.warnings)

    async def render(self, output: str = "auto") -> CallToolResult:
        """``output``: auto, image or link."""
        job = self._job
        images = [(image, image.stored) for image in job.images if image.stored is not None]
        rows, previews = [], []
        for image, stored in images:
            data = await image.image.payload.read()
            preview = None if output == "link" else await self._preview(image, len(images), output)
            rows.append(self._row(image, stored, data, preview))
            previews.append(preview)
        content: list[ContentBlock] = [TextContent(type="text", text=self._text(rows))]
        for (image, stored), preview in zip(images, previews, strict=True):
            if preview is not None:
                content.append(await _picture(preview))
            if self._links:
                content.append(_link(image, stored))
        return structured_result(self._endpoint, content, self._structured(rows), in_meta=True)

    async def _preview(self, image: ResultImage, count: int, output: str) -> Image | None:
        """Returns the image itself if it is small enough, else a smaller copy. If none can be made (a Worker without
        the Images binding), None and a warning, because the image is paid for and stored in any case.
        """
        room = PICTURE_BUDGET // count // 4 * 3
        picture = image.image
        if output == "image":
            longest = LARGE_SIDE
        else:
            longest, room = PREVIEW_SIDE, min(room, PREVIEW_BYTES)
        if picture.payload.size <= room and (output == "image" or max(picture.size) <= longest):
            return picture
        try:
            return await self._endpoint.gateway.pixels.preview(picture, longest, room)
        except (GatewayError, UnreadableImage) as error:
            warning = f"there is no preview: {error}"
            if warning not in self._warnings:
                self._warnings.append(warning)
            return None

    def _row(self, image: ResultImage, stored: StoredImage, data: bytes, preview: Image | None) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": stored.key,
            "uri": image_uri(stored.key),
            "mime_type": stored.media_type,
            "width": image.image.size.width,
            "height": image.image.size.height,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            **whereabouts(self._endpoint, self._request, stored.key),
        }
        if image.seed is not None:
            row["seed"] = image.seed
        if preview is not None:
            row["preview"] = {
                "mime_type": preview.format.media_type,
                "width": preview.size.width,
                "height": preview.size.height,
            }
        return row

    def _structured(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        job, result, gateway = self._job, self._job.result, self._endpoint.gateway
        ended = job.ended if job.ended is not None else gateway.clock.monotonic()
        answer: dict[str, Any] = {
            "job_id": job.id,
            "status": job.state.value,
            "operation": job.request.operation.value,
            "model": gateway.backend.engine or (result.model if result else job.model).id,
            **({"requested_model": job.request.model} if gateway.backend.engine and job.request.model else {}),
            "backend": gateway.backend.name,
            "requested": job.request.n,
            "seconds": round(ended - job.began, 1),
            "images": rows,
            "warnings": self._warnings,
            "next": self._next(),
        }
        if result and result.neurons is not None:
            usd = result.neurons * USD_PER_NEURON + (result.usd or 0.0)
            answer["cost"] = {"neurons": round(result.neurons, 2), "usd": round(usd, 6)}
        elif result and result.usd is not None:
            answer["cost"] = {"usd": round(result.usd, 6)}
        if result and result.cache is not None:
            answer["cache"] = result.cache.value
        if job.error:
            answer["error"] = {"message": job.error.message, "code": job.error.row.code or job.error.kind}
        return answer

    def _next(self) -> str:
        job = self._job
        if job.state is JobState.RUNNING:
            return f'call get_job(job_id="{job.id}", wait_seconds=30) for the images; they are being made'
        if job.images:
            if not self._endpoint.takes_images:
                return "show the user the link or path"
            return "give an id as images=[id] to run_model to edit or vary it"
        if job.error:
            return advice(job.error) or "call run_model again, changed as the error says"
        return "call run_model again if the images are wanted after all"

    def _text(self, rows: list[dict[str, Any]]) -> str:
        answer = self._structured(rows)
        lines = [self._headline(answer)]
        for index, row in enumerate(rows, 1):
            seed = f", seed {row['seed']}" if "seed" in row else ""
            where = row.get("path") or row.get("url") or "resources/read"
            size = f"{row['width']}x{row['height']} {row['mime_type']}, {row['bytes']:,} bytes"
            lines.append(f"{index}. {row['uri']} ({size}{seed}). Full size: {where}")
            if "url" in row:
                lines.append(f"![image {index}]({row['url']})")
        if "cost" in answer:
            lines.append(_cost_text(answer["cost"]))
        if answer.get("cache") == CacheOutcome.HIT:
            lines.append("These are the images of an identical request; another seed makes others.")
        lines += [f"Note: {warning}." for warning in answer["warnings"]]
        lines.append(f"Next: {answer['next']}.")
        return "\n".join(lines)

    def _headline(self, answer: dict[str, Any]) -> str:
        job, made = self._job, len(answer["images"])
        by = f"{answer['model'].rsplit('/', 1)[-1]} ({answer['backend']})"
        seconds = f"{answer['seconds']:g} s"
        match job.state:
            case JobState.RUNNING:
                return f"Job {job.id} is still running after {seconds}: {made} of {job.request.n} images made by {by}."
            case JobState.COMPLETED:
                return f"{made} image{'' if made == 1 else 's'} ({answer['operation']}) made by {by} in {seconds}:"
            case JobState.CANCELLED:
                return f"Job {job.id} was cancelled after {seconds}; {made} of {job.request.n} images had been made."
            case _:
                return f"Job {job.id} failed after {seconds}: {answer['error']['message']}"


def advice(error: GatewayError) -> str:
    """Returns what to do about an error; empty if its message says so."""
    if error.row.retry:
        return "try again" if error.retry_after is None else f"try again in {error.retry_after:.0f} s"
    return ADVICE.get(error.kind, "")


def error_text(error: GatewayError) -> str:
    """Returns what is wrong, then what to do."""
    more = advice(error)
    return f"{error.message.rstrip('.')}. Next: {more}." if more else error.message


def error_result(error: GatewayError) -> CallToolResult:
    """Returns an error as a tool's result."""
    return CallToolResult(content=[TextContent(type="text", text=error_text(error))], is_error=True)


def structured_result(
    endpoint: McpEndpoint, content: list[ContentBlock], structured: dict[str, Any], *, in_meta: bool = False
) -> CallToolResult:
    """Returns the result; with MCP_STRUCTURED_RESULTS=off the structured content goes into ``_meta``."""
    if endpoint.structured:
        return CallToolResult(content=content, structured_content=structured)
    meta = {RESULT_META: structured} if in_meta else None
    return CallToolResult(content=content, _meta=meta)


def image_uri(key: str) -> str:
    return f"image://{key}"


def whereabouts(endpoint: McpEndpoint, request: Request | None, key: str) -> dict[str, str]:
    """Returns the URL and the path of the full image, as far as the caller can reach them."""
    found: dict[str, str] = {}
    url, path = endpoint.image_url(request, key), endpoint.stored_path(key)
    if url:
        found["url"] = url
    if path:
        found["path"] = str(path)
    return found


def stored_row(endpoint: McpEndpoint, request: Request | None, stored: StoredImage) -> dict[str, Any]:
    """Returns one row of ``list_images``."""
    row: dict[str, Any] = {
        "id": stored.key,
        "uri": image_uri(stored.key),
        "mime_type": stored.media_type,
        "bytes": stored.size,
        "created": stored.created.isoformat(timespec="seconds"),
        **whereabouts(endpoint, request, stored.key),
    }
    details = stored.details
    row |= {name: int(details[name]) for name in ("width", "height", "seed") if details.get(name, "").isdecimal()}
    row |= {name: details[name][:200] for name in ("model", "operation", "prompt") if name in details}
    return row


async def _picture(image: Image) -> ImageContent:
    data = await image.payload.read()
    return ImageContent(
        type="image",
        data=base64.b64encode(data).decode("ascii"),
        mime_type=image.format.media_type,
        annotations=_FOR_BOTH,
    )


def _link(image: ResultImage, stored: StoredImage) -> ResourceLink:
    return ResourceLink(
        type="resource_link",
        name=stored.key,
        title=f"{image.image.size} {image.image.format.label}",
        uri=image_uri(stored.key),
        mime_type=stored.media_type,
        size=stored.size,
        annotations=_FOR_USER,
    )
