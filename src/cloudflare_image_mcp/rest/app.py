"""The REST API's routes, as a FastAPI application over a gateway. ``rest/paths.py`` has the paths' other forms."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.core.image_sources import is_source_name
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.core.parsing import parameter_of, parse_request
from cloudflare_image_mcp.rest import openapi
from cloudflare_image_mcp.rest.answer import image_answer
from cloudflare_image_mcp.rest.body import read_body
from cloudflare_image_mcp.rest.chat import ChatForm, chat_answer, chat_stream, prepare_chat, read_chat
from cloudflare_image_mcp.rest.errors import install_error_handlers
from cloudflare_image_mcp.rest.files import image_file
from cloudflare_image_mcp.rest.jobs import JOBS_PATH, JobAnswers, Preference
from cloudflare_image_mcp.rest.middleware import RequestMiddleware
from cloudflare_image_mcp.rest.models import list_models, one_model
from cloudflare_image_mcp.rest.monitoring import add_monitoring
from cloudflare_image_mcp.rest.openapi_requests import chat_request, image_request
from cloudflare_image_mcp.rest.paths import CHAT, IMAGES, OPERATIONS, PREFIX
from cloudflare_image_mcp.rest.public_url import base_url
from cloudflare_image_mcp.rest.sse import event_answer
from cloudflare_image_mcp.rest.stored_images import StoredImages
from cloudflare_image_mcp.rest.tracing import TracingMiddleware
from cloudflare_image_mcp.web import page_routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

    from cloudflare_image_mcp.catalog import Operation
    from cloudflare_image_mcp.core.gateway import Gateway
    from cloudflare_image_mcp.core.prepared import Prepared
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.result import ImageResult
    from cloudflare_image_mcp.rest.middleware import Endpoint
    from cloudflare_image_mcp.rest.options import AppOptions


class GatewayApp(FastAPI):
    """FastAPI behind ``RequestMiddleware``, outside the framework's own layers, which the hot routes do without."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.entry: ASGIApp = super().__call__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.entry(scope, receive, send)


def create_app(
    gateway: Gateway,
    options: AppOptions,
    *,
    jobs: Jobs | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
    routes: Sequence[BaseRoute] = (),
) -> GatewayApp:
    """The REST API over a gateway. ``jobs``: shared with another interface; None: its own. ``routes``: those of another
    interface, behind the same keys and limits.
    """
    answers = JobAnswers(gateway, jobs or Jobs(gateway))
    app = GatewayApp(
        title="cloudflare-image-mcp",
        version=__version__,
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        # FastAPI would trace its own routes with the provider of the process, beside TracingMiddleware.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    endpoints = _add_images(app, gateway, options, answers)
    _add_chat(app, gateway, options)
    _add_models(app, gateway)
    _add_files(app, gateway, options)
    _add_jobs(app, options, answers)
    _add_stored_images(app, gateway, options)
    add_monitoring(app, gateway, options)
    app.router.routes.extend([*page_routes(), *routes])
    install_error_handlers(app)
    app.entry = RequestMiddleware(app.entry, gateway=gateway, options=options, endpoints=endpoints)
    if gateway.tracer.is_on:
        app.entry = TracingMiddleware(app.entry, gateway.tracer)
    return app


def _add_images(
    app: FastAPI, gateway: Gateway, options: AppOptions, jobs: JobAnswers
) -> dict[tuple[str, str], Endpoint]:
    """Adds the image routes. Returns their endpoints, for the middleware to call without the framework's routing."""
    endpoints: dict[tuple[str, str], Endpoint] = {}
    for path, operation in OPERATIONS.items():
        endpoint = endpoints["POST", path] = _image_endpoint(gateway, operation, options, jobs)
        app.post(
            path,
            summary=openapi.SUMMARIES[operation],
            operation_id=f"{operation.value}_v1",
            responses=openapi.image_responses(),
            openapi_extra=image_request(operation),
            response_class=JSONResponse,
            tags=["images"],
        )(endpoint)
    return endpoints


def _image_endpoint(gateway: Gateway, operation: Operation, options: AppOptions, jobs: JobAnswers) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        prepared = await gateway.prepare(await _read_request(operation, request))
        _hold_images(gateway, prepared, request)
        wanted, preference = prepared.request, Preference.of(request)
        if _as_job(wanted, preference):
            return await jobs.start(prepared, request, preference, base_url(request, options))
        if wanted.stream:
            return event_answer(gateway, prepared, request.state.request_id, base_url(request, options))
        result = await _make(gateway, prepared, request)
        return image_answer(result, base_url(request, options) if result.response_format == "url" else "")

    return endpoint


def _warn_of_query(request: Request, wanted: ImageRequest) -> ImageRequest:
    """The request with a warning for each parameter that stands in the URL instead of the body."""
    if not request.scope["query_string"]:
        return wanted
    ignored = [name for name in request.query_params if parameter_of(name) or is_source_name(name)]
    warnings = (f"{name} in the URL was ignored: parameters go into the body" for name in ignored)
    return wanted.replace(warnings=(*wanted.warnings, *warnings)) if ignored else wanted


async def _read_request(operation: Operation, request: Request) -> ImageRequest:
    fields = await read_body(request)
    deployment = request.state.deployment
    if deployment and fields.get("model") in (None, ""):
        fields = {**fields, "model": deployment}
    wanted = _warn_of_query(request, parse_request(operation, fields))
    if wanted.webhook_url and not _as_job(wanted, Preference.of(request)):
        wanted = wanted.replace(warnings=(*wanted.warnings, "webhook_url was ignored: it needs async"))
    return wanted


def _as_job(wanted: ImageRequest, preference: Preference) -> bool:
    return wanted.asynchronous or (preference.respond_async and not wanted.stream)


def _hold_images(gateway: Gateway, prepared: Prepared, request: Request) -> None:
    """From here on the images count in the limit on memory, and the body that they came in does not."""
    gateway.held_images.hold(prepared.inputs, prepared.call, prepared.finish)
    request.state.body.close()


async def _make(gateway: Gateway, prepared: Prepared, request: Request) -> ImageResult:
    """Makes the images. Base64 for a client that is gone is stored, because it may be paid for."""
    result = await gateway.make(prepared)
    if result.response_format == "b64_json" and request.state.body.disconnected:
        await gateway.store_all(result)
    return result


def _add_chat(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    async def chat(request: Request) -> Response:
        wanted = read_chat(await read_body(request), gateway)
        prepared = await prepare_chat(wanted, gateway)
        wanted = replace(wanted, request=prepared.request)  # without the text of its images
        _hold_images(gateway, prepared, request)
        form = ChatForm(base_url(request, options), options.chat_data_urls)
        name = gateway.ids.name()
        if wanted.stream:
            return chat_stream(gateway, prepared, form, name, include_usage=wanted.include_usage)
        return chat_answer(await gateway.make(prepared), form, name)

    app.post(
        CHAT,
        summary="Make an image from a conversation",
        responses=openapi.chat_responses(),
        openapi_extra=chat_request(),
        response_class=JSONResponse,
        tags=["chat"],
    )(chat)


def _add_models(app: FastAPI, gateway: Gateway) -> None:
    async def models() -> dict[str, Any]:
        return list_models(gateway)

    async def model(model_id: str) -> dict[str, Any]:
        return one_model(model_id, gateway)

    async def delete_model(model_id: str) -> dict[str, Any]:
        """Answers OpenAI's SDKs, which have this call: the catalogue's models cannot be deleted."""
        return {"id": one_model(model_id, gateway)["id"], "object": "model", "deleted": False}

    app.get(f"{PREFIX}/models", summary="List the models", responses=openapi.model_list_responses(), tags=["models"])(
        models
    )
    # A model's id has slashes, escaped by some clients and raw from others; the router sees both alike.
    app.get(
        f"{PREFIX}/models/{{model_id:path}}",
        summary="Describe a model",
        responses=openapi.model_responses(),
        tags=["models"],
    )(model)
    app.delete(f"{PREFIX}/models/{{model_id:path}}", include_in_schema=False)(delete_model)


def _add_jobs(app: FastAPI, options: AppOptions, jobs: JobAnswers) -> None:
    """Under /v1 only, as ``_add_stored_images``, whose routes would take these paths, too."""

    async def page(request: Request) -> dict[str, Any]:
        return await jobs.page(request.query_params)

    async def job(job_id: str, request: Request) -> Response:
        return await jobs.job(job_id, base_url(request, options))

    async def events(job_id: str, request: Request) -> Response:
        return await jobs.events(job_id, base_url(request, options))

    async def cancel(job_id: str, request: Request) -> Response:
        return await jobs.cancel(job_id, base_url(request, options))

    app.get(
        JOBS_PATH,
        summary="List jobs, the newest first",
        responses=openapi.job_list_responses(),
        openapi_extra={"parameters": openapi.JOB_LIST_PARAMETERS},
        tags=["jobs"],
    )(page)
    one = f"{JOBS_PATH}/{{job_id}}"
    answers = openapi.job_responses()
    app.get(one, summary="Describe a job", responses=answers, response_class=JSONResponse, tags=["jobs"])(job)
    app.delete(one, summary="Cancel a job", responses=answers, response_class=JSONResponse, tags=["jobs"])(cancel)
    app.get(
        f"{one}/events",
        summary="Follow a job",
        responses=openapi.job_event_responses(),
        response_class=Response,
        tags=["jobs"],
    )(events)


def _add_stored_images(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    """Under /v1 only: without it, ``/images/{key}`` is the file."""
    stored = StoredImages(gateway, options.image_lifetime)

    async def page(request: Request) -> dict[str, Any]:
        return await stored.page(request.query_params, base_url(request, options))

    async def record(image_id: str, request: Request) -> dict[str, Any]:
        _refuse_operation(image_id)
        return await stored.record(image_id, base_url(request, options))

    async def delete(image_id: str) -> dict[str, Any]:
        _refuse_operation(image_id)
        return await stored.delete(image_id)

    app.get(
        "/v1/images",
        summary="List stored images, the newest first",
        responses=openapi.image_list_responses(),
        openapi_extra={"parameters": openapi.IMAGE_LIST_PARAMETERS},
        tags=["images"],
    )(page)
    app.get(
        "/v1/images/{image_id}",
        summary="Describe a stored image",
        responses=openapi.image_record_responses(),
        tags=["images"],
    )(record)
    app.delete(
        "/v1/images/{image_id}",
        summary="Delete a stored image",
        responses=openapi.image_deleted_responses(),
        tags=["images"],
    )(delete)


def _refuse_operation(image_id: str) -> None:
    """``GET /v1/images/generations`` is a wrong method, not a missing image."""
    if f"{IMAGES}{image_id}" in OPERATIONS:
        raise HTTPException(405, headers={"Allow": "POST"})


def _add_files(app: FastAPI, gateway: Gateway, options: AppOptions) -> None:
    async def image(key: str, request: Request) -> Response:
        return await image_file(gateway, key, request, options.image_lifetime)

    app.get(
        "/images/{key}",
        summary="Fetch a stored image",
        responses=openapi.file_responses(),
        response_class=Response,
        tags=["images"],
    )(image)

    async def docs() -> HTMLResponse:
        return HTMLResponse(files("cloudflare_image_mcp.rest").joinpath("docs.html").read_text("utf-8"))

    app.head("/images/{key}", include_in_schema=False)(image)
    app.get("/docs", include_in_schema=False)(docs)
