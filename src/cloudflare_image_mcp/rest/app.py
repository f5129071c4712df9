"""The FastAPI application: which path leads where. It is given a gateway and knows nothing of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.limits import MAX_BODIES_BYTES
from cloudflare_image_mcp.rest import openapi
from cloudflare_image_mcp.rest.answer import image_answer
from cloudflare_image_mcp.rest.body import read_body
from cloudflare_image_mcp.rest.body_budget import BodyBudgetMiddleware
from cloudflare_image_mcp.rest.chat import ChatForm, chat_answer, chat_stream, read_chat
from cloudflare_image_mcp.rest.errors import install_error_handlers
from cloudflare_image_mcp.rest.files import image_file
from cloudflare_image_mcp.rest.middleware import CORSMiddleware, DefectMiddleware, KeyMiddleware, RequestIdMiddleware
from cloudflare_image_mcp.rest.models import list_models, one_model
from cloudflare_image_mcp.rest.sse import event_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import timedelta

    from starlette.routing import BaseRoute
    from starlette.types import Lifespan

    from cloudflare_image_mcp.core.gateway import Gateway, Prepared
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.settings import Settings

OPERATIONS: Final[Mapping[str, Operation]] = {
    "generations": Operation.GENERATE,
    "edits": Operation.EDIT,
    "variations": Operation.VARY,
}
"""The last part of the path, under each of the prefixes."""

PREFIXES: Final = ("/v1", "")
"""People forget /v1 in a base URL; both work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What the door itself needs to know."""

    api_keys: tuple[str, ...] = ()
    public_base_url: str | None = None
    image_lifetime: timedelta | None = None
    """Of stored images, from when they were made; None: they are kept for good."""
    chat_data_urls: bool = False
    """Whether the Markdown of a chat answer holds the image itself instead of its URL."""
    bodies_bytes: int = MAX_BODIES_BYTES
    """Of all requests under way together."""

    @classmethod
    def of(cls, settings: Settings) -> AppOptions:
        return cls(
            api_keys=settings.api_keys,
            public_base_url=settings.public_base_url,
            image_lifetime=settings.image_lifetime,
            chat_data_urls=settings.image_chat_data_urls,
        )


def create_app(
    gateway: Gateway,
    options: AppOptions,
    *,
    lifespan: Lifespan[FastAPI] | None = None,
    routes: Sequence[BaseRoute] = (),
) -> FastAPI:
    """The whole REST door over one gateway. ``routes``: another door's, behind the same keys and headers."""
    app = FastAPI(
        title="cloudflare-image-mcp",
        version=__version__,
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    _add_images(app, gateway, options)
    _add_chat(app, gateway, options)
    _add_models(app, gateway)
    _add_files(app, gateway, options)
    app.router.routes.extend(routes)
    install_error_handlers(app)
    if options.api_keys:
        app.add_middleware(KeyMiddleware, keys=options.api_keys)
    app.add_middleware(BodyBudgetMiddleware, most=options.bodies_bytes)
    app.add_middleware(DefectMiddleware)
    app.add_middleware(CORSMiddleware)
    app.add_middleware(RequestIdMiddleware, ids=gateway.ids)
    return app


def _add_images(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    for name, operation in OPERATIONS.items():
        endpoint = _image_endpoint(gateway, operation, options)
        for prefix in PREFIXES:
            app.post(
                f"{prefix}/images/{name}",
                summary=openapi.SUMMARIES[operation],
                operation_id=f"{operation.value}{prefix.replace('/', '_')}",
                include_in_schema=bool(prefix),
                responses=openapi.image_responses(),
                openapi_extra=openapi.image_request(operation),
                response_class=JSONResponse,
                tags=["images"],
            )(endpoint)
        # Azure's form of the path, which some clients send; its api-version is of no consequence here.
        app.post(f"/openai/deployments/{{deployment:path}}/images/{name}", include_in_schema=False)(endpoint)


def _image_endpoint(
    gateway: Gateway, operation: Operation, options: AppOptions
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await read_body(request)
        fields = dict(body.fields)
        if "deployment" in request.path_params and fields.get("model") in (None, ""):
            fields["model"] = request.path_params["deployment"]
        wanted = parse_request(operation, fields)
        prepared = await gateway.prepare(wanted)
        if wanted.stream:
            return event_answer(gateway, prepared, request.state.request_id)
        result = await _made(gateway, prepared, request)
        return image_answer(result, base_url(request, options))

    return endpoint


async def _made(gateway: Gateway, prepared: Prepared, request: Request) -> ImageResult:
    """The images. Base64 for a client that hung up is stored: nobody is left to take it, and it may be paid for."""
    result = await gateway.make(prepared)
    if result.response_format == "b64_json" and request.state.body.disconnected:
        await gateway.store_all(result)
    return result


def _add_chat(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    async def chat(request: Request) -> Response:
        body = await read_body(request)
        wanted = read_chat(body.fields, gateway)
        prepared = await gateway.prepare(wanted.request)
        form = ChatForm(base_url(request, options), options.chat_data_urls)
        name = gateway.ids.name()
        if wanted.stream:
            return chat_stream(gateway, prepared, form, name, include_usage=wanted.include_usage)
        return chat_answer(await gateway.make(prepared), form, name)

    for prefix in PREFIXES:
        app.post(
            f"{prefix}/chat/completions",
            summary="Make an image from a conversation",
            include_in_schema=bool(prefix),
            responses=openapi.chat_responses(),
            openapi_extra=openapi.chat_request(),
            response_class=JSONResponse,
            tags=["chat"],
        )(chat)


def _add_models(app: FastAPI, gateway: Gateway) -> None:
    async def models() -> dict[str, Any]:
        return list_models(gateway)

    async def model(model_id: str) -> dict[str, Any]:
        return one_model(model_id, gateway)

    async def delete_model(model_id: str) -> dict[str, Any]:
        """OpenAI's SDKs have this call; the catalogue's models stay, and the answer says so."""
        return {"id": one_model(model_id, gateway)["id"], "object": "model", "deleted": False}

    for prefix in PREFIXES:
        public = bool(prefix)
        app.get(
            f"{prefix}/models",
            summary="List the models",
            responses=openapi.model_list_responses(),
            include_in_schema=public,
            tags=["models"],
        )(models)
        # A model's id has slashes, escaped by some clients and raw from others; the router sees both alike.
        app.get(
            f"{prefix}/models/{{model_id:path}}",
            summary="Describe a model",
            responses=openapi.model_responses(),
            include_in_schema=public,
            tags=["models"],
        )(model)
        app.delete(f"{prefix}/models/{{model_id:path}}", include_in_schema=False)(delete_model)


def _add_files(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    async def image(key: str, request: Request) -> Response:
        return await image_file(gateway, key, request, options.image_lifetime)

    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__, "backend": gateway.backend.name}

    app.get(
        "/images/{key}",
        summary="Fetch a stored image",
        responses=openapi.file_responses(),
        response_class=Response,
        tags=["images"],
    )(image)

    async def docs() -> HTMLResponse:
        return HTMLResponse(files("cloudflare_image_mcp.rest").joinpath("docs.html").read_text("utf-8"))

    async def home() -> RedirectResponse:
        """People open the server's address in a browser. Relative, for a proxy that serves us under a path."""
        return RedirectResponse("docs")

    app.head("/images/{key}", include_in_schema=False)(image)
    app.get("/", include_in_schema=False)(home)
    app.get("/docs", include_in_schema=False)(docs)
    app.head("/health", include_in_schema=False)(health)  # what watches a service often asks for no body
    app.get("/health", summary="Is it up?", responses=openapi.health_responses(), tags=["health"])(health)


def base_url(request: Request, options: AppOptions) -> str:
    """Origin of the URLs handed out: as configured, else as the client (or its proxy) addressed us."""
    if options.public_base_url:
        return options.public_base_url
    headers = request.headers
    scheme = _first(headers.get("x-forwarded-proto")) or request.url.scheme
    host = _first(headers.get("x-forwarded-host")) or headers.get("host") or request.url.netloc
    return f"{'https' if scheme.lower() == 'https' else 'http'}://{host}"


def _first(header: str | None) -> str:
    """What the outermost of several proxies wrote."""
    return (header or "").split(",")[0].strip()
