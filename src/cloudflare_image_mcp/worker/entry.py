"""The Worker's entry: ``fetch`` answers a request with the ASGI application, ``scheduled`` deletes what has expired."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from workers import WorkerEntrypoint

from cloudflare_image_mcp.backends.workers_ai.backend import WorkersAIBackend
from cloudflare_image_mcp.backends.workers_ai.binding import BINDING_ACCOUNT, BindingTransport
from cloudflare_image_mcp.backends.workers_ai.llama_guard import MODEL as GUARD
from cloudflare_image_mcp.backends.workers_ai.llama_guard import LlamaGuard
from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter
from cloudflare_image_mcp.backends.workers_ai.prompt_writer import WorkersAIPromptWriter
from cloudflare_image_mcp.backends.workers_ai.text_model import TextModel
from cloudflare_image_mcp.catalog import BACKGROUND_REMOVER
from cloudflare_image_mcp.core.byte_budget import ByteBudget
from cloudflare_image_mcp.core.gateway import Gateway
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.errors import GatewayError, SettingError
from cloudflare_image_mcp.fetcher.origin import OriginFetcher
from cloudflare_image_mcp.fetcher.worker_fetch import WorkerFetcher
from cloudflare_image_mcp.imaging.cloudflare_images import ImagesPixels
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.routes import mcp_routes
from cloudflare_image_mcp.rest.app import create_app
from cloudflare_image_mcp.rest.errors import error_answer
from cloudflare_image_mcp.rest.middleware import CORS_HEADERS
from cloudflare_image_mcp.rest.options import AppOptions
from cloudflare_image_mcp.rest.public_url import base_url
from cloudflare_image_mcp.setting_values import LLAMA_GUARD
from cloudflare_image_mcp.settings import SETTINGS, Settings
from cloudflare_image_mcp.storage.r2 import R2Store
from cloudflare_image_mcp.usage.d1_counters import D1Counters
from cloudflare_image_mcp.usage.d1_jobs import D1Jobs
from cloudflare_image_mcp.worker.asgi import MAX_TOTAL_BODY_BYTES, MAX_TOTAL_FETCHED_BYTES, answer
from cloudflare_image_mcp.worker.limits import make_limiter
from cloudflare_image_mcp.worker.mcp import WorkerMcp
from cloudflare_image_mcp.worker.runtime import WorkerClock, WorkerIds, defer

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from cloudflare_image_mcp.js_values import Handle

PARALLEL: Final = 4
"""Images of one request under way at once: a Worker has six connections, and storing an image wants one too."""
POLL: Final = 0.25
"""Seconds between two looks at a job that another request began."""
_KEYS: Final = "API_KEYS_TOML"

_log = logging.getLogger(__name__)
_apps: dict[str, FastAPI] = {}
"""The application of this isolate, created at its first request, because bindings are not known before."""


class Default(WorkerEntrypoint):
    """The class that Cloudflare's runtime calls."""

    env: Any
    ctx: Any

    async def fetch(self, request: Handle) -> Handle:
        try:
            app: ASGIApp = application(self.env)
        except SettingError as error:
            _log.error("%s", error)
            app = error_answer(GatewayError("internal_error", f"this Worker is not set up: {error}"), CORS_HEADERS)
        return await answer(app, request.js_object)

    async def scheduled(self, controller: Handle, env: Handle, ctx: Handle) -> None:
        try:
            await store(self.env, read_settings(self.env)).sweep()
        finally:  # a bucket that fails does not keep the database's rows
            if (database := _binding(self.env, "DB")) is not None:
                clock = WorkerClock()
                await D1Jobs(database).remove_expired(clock.now().timestamp())
                await D1Counters(database, clock).delete_ended()


def application(env: Handle) -> FastAPI:
    """Raises ``SettingError``."""
    if "app" not in _apps:
        settings = read_settings(env)
        options = AppOptions.of(settings)
        core = gateway(env, settings)
        database = _binding(env, "DB")
        jobs = Jobs(core, None if database is None else D1Jobs(database), poll=POLL)
        endpoint = McpEndpoint(
            gateway=core,
            jobs=jobs,
            structured=settings.mcp_structured_results,
            links=settings.mcp_resource_links,
            base_url=lambda request: base_url(request, options) if request else options.public_base_url,
        )
        # Cloudflare gives a Worker the requests to its own names alone.
        routes = mcp_routes(WorkerMcp(endpoint).serve, settings, core.options.names, any_host=True)
        _apps["app"] = create_app(core, options, jobs=jobs, routes=routes)
    return _apps["app"]


def gateway(env: Handle, settings: Settings) -> Gateway:
    """The core over the Worker's bindings. Raises ``SettingError`` when one that it cannot do without is missing."""
    options = settings.options()
    if options.fallbacks.use_local:
        raise SettingError("FALLBACKS names local, but a Worker has no embedded engine")
    if settings.c2pa_certificate or settings.c2pa_private_key:
        raise SettingError("C2PA_CERTIFICATE and C2PA_PRIVATE_KEY cannot be used in a Worker, which has no files")
    if settings.prompt_filter not in {None, LLAMA_GUARD}:
        raise SettingError(f"PROMPT_FILTER must be {LLAMA_GUARD} in a Worker, which has no files")
    clock = WorkerClock()
    pixels = ImagesPixels(_binding(env, "IMAGES"), clock)
    neurons = LocalNeuronCounter()
    transport = BindingTransport(_required(env, "AI"))

    def text_model(model_id: str) -> TextModel:
        return TextModel([BINDING_ACCOUNT], transport, clock, model_id, neurons)

    return Gateway(
        backend=WorkersAIBackend(
            [BINDING_ACCOUNT],
            transport,
            pixels,
            clock,
            neurons=neurons,
            ai_gateway=settings.cloudflare_ai_gateway,
            result_fetcher=OriginFetcher(
                settings.cloudflare_api_base_url, own=WorkerFetcher(allow_private=True), others=WorkerFetcher()
            ),
            background_remover=options.names.offered.get(BACKGROUND_REMOVER),
        ),
        prompt_writer=WorkersAIPromptWriter(text_model(settings.prompt_model)),
        prompt_filter=LlamaGuard(text_model(GUARD)) if settings.prompt_filter else None,
        store=store(env, settings),
        pixels=pixels,
        fetcher=WorkerFetcher(allow_private=settings.allow_private_image_urls),
        clock=clock,
        ids=WorkerIds(),
        defer=defer,
        options=replace(options, parallel=PARALLEL, join_requests=False),
        budget=ByteBudget(MAX_TOTAL_BODY_BYTES),
        fetch_budget=ByteBudget(MAX_TOTAL_FETCHED_BYTES),
        limiter=make_limiter(settings, clock, database=_binding(env, "DB"), rate_limiter=_binding(env, "RATE_LIMITER")),
    )


def store(env: Handle, settings: Settings) -> R2Store:
    return R2Store(_required(env, "BUCKET"), WorkerClock(), settings.image_lifetime)


def read_settings(env: Handle) -> Settings:
    """The variables and secrets of the deployment, under the names that they have everywhere. Raises ``SettingError``,
    also for keys whose upload went wrong: nobody must be let in without a key.
    """
    found = {setting.name: getattr(env, setting.name, None) for setting in SETTINGS}
    values = {name: str(value) for name, value in found.items() if value is not None}
    if not values.get(_KEYS, "-").strip():
        raise SettingError(f"{_KEYS} is empty; it must be the text of a file of keys")
    return Settings.read(values)


def _binding(env: Handle, name: str) -> Handle | None:
    """The raw binding, which takes and gives JavaScript objects; the SDK's own would copy them into Python."""
    wrapped = getattr(env, name, None)
    return getattr(wrapped, "_binding", wrapped)


def _required(env: Handle, name: str) -> Handle:
    binding = _binding(env, name)
    if binding is None:
        raise SettingError(f"the binding {name} is missing: see docs/workers.md")
    return binding
