"""The emulator's HTTP routes: Cloudflare's paths, and its own under ``/emulator``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloudflare_image_mcp.emulator import catalogue_api, models_api
from cloudflare_image_mcp.emulator.accounts import settings_of
from cloudflare_image_mcp.emulator.emulator import Emulator, call_headers
from cloudflare_image_mcp.emulator.errors import FAILED, NO_ROUTE, RefusalError, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


def create_app(emulator: Emulator) -> Starlette:
    """Creates the application of an emulator, which is closed at its shutdown."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        emulator.close()

    endpoints = _Endpoints(emulator)
    account = "/client/v4/accounts/{account_id}/ai"
    app = Starlette(
        routes=[
            Route(account + "/run/{model_id:path}", endpoints.run, methods=["POST"]),
            Route(account + "/run", endpoints.run_proxied, methods=["POST"]),
            Route(account + "/catalog/models", endpoints.catalogue, methods=["GET"]),
            Route(account + "/catalog/models/{model_id:path}/schema", endpoints.catalogue_schema, methods=["GET"]),
            Route(account + "/models/search", endpoints.search, methods=["GET"]),
            Route(account + "/models/schema", endpoints.schema, methods=["GET"]),
            Route("/emulator/stats", endpoints.stats, methods=["GET"]),
            Route("/emulator/accounts/{account_id}", endpoints.set_account, methods=["PUT"]),
            Route("/emulator/models/{model_id:path}", endpoints.add_model, methods=["PUT"]),
            Route("/emulator/images/{name}", endpoints.image, methods=["GET"]),
        ],
        exception_handlers={
            RefusalError: endpoints.failed,
            404: endpoints.no_route,
            405: endpoints.no_route,
            Exception: endpoints.failed,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Endpoints:
    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def run(self, request: Request) -> Response:
        return await self._emulator.run(request, request.path_params["account_id"], request.path_params["model_id"])

    async def run_proxied(self, request: Request) -> Response:
        return await self._emulator.run_proxied(request, request.path_params["account_id"])

    async def catalogue(self, request: Request) -> Response:
        self._admit(request)
        query = request.query_params
        page, per_page = (
            int(text) if (text := query.get(name, "")).isdecimal() and int(text) else default
            for name, default in (("page", 1), ("per_page", catalogue_api.PER_PAGE))
        )
        items, info = catalogue_api.listed(self._emulator.proxied.registry, page, per_page)
        return _success(items, result_info=info)

    async def catalogue_schema(self, request: Request) -> Response:
        self._admit(request)
        return _success(catalogue_api.schema_of(self._emulator.proxied.registry, request.path_params["model_id"]))

    async def add_model(self, request: Request) -> Response:
        """Adds a model that the catalogue lacks."""
        model_id = request.path_params["model_id"]
        try:
            self._emulator.proxied.registry.add(model_id, await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"id": model_id})

    async def image(self, request: Request) -> Response:
        return self._emulator.proxied.hosted.answer(request.path_params["name"])

    async def search(self, request: Request) -> Response:
        self._admit(request)
        query = request.query_params
        items = models_api.found(query.get("task"), query.get("search"))
        info = {"count": len(items), "page": 1, "per_page": len(items), "total_count": len(items)}
        return _success(items, result_info=info)

    async def schema(self, request: Request) -> Response:
        self._admit(request)
        return _success(models_api.schemas_of(request.query_params.get("model", "")))

    async def stats(self, request: Request) -> Response:
        counts = self._emulator.counts
        accounts = {
            name: {"calls": counts.calls[name], "spent_neurons": round(ledger.spent_neurons, 2)}
            for name, ledger in self._emulator.ledger.accounts.items()
        }
        return JSONResponse(
            {
                "accounts": accounts,
                "answers": dict(counts.answers),
                "images": dict(counts.images),
                "faults": dict(counts.faults),
                "fields": counts.fields.as_dict(),
            }
        )

    async def set_account(self, request: Request) -> Response:
        """Sets an account's spent neurons, its access to img2img, its AI Gateways."""
        try:
            wanted = settings_of(await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        ledger = self._emulator.ledger.account(request.path_params["account_id"])
        ledger.spent_neurons = float(wanted.get("spent_neurons", ledger.spent_neurons))
        ledger.img2img = wanted.get("img2img", ledger.img2img)
        ledger.gateways = frozenset(wanted.get("gateways", ledger.gateways))
        return JSONResponse(
            {
                "spent_neurons": ledger.spent_neurons,
                "img2img": ledger.img2img,
                "gateways": sorted(ledger.gateways),
            }
        )

    async def no_route(self, request: Request, error: Exception) -> Response:
        return self._refused(refuse(NO_ROUTE))

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answers a refusal. A defect of the emulator is answered like an internal error of the service, and the server
        logs its traceback.
        """
        return self._refused(error if isinstance(error, RefusalError) else refuse(FAILED))

    def _refused(self, refusal: RefusalError) -> Response:
        self._emulator.counts.answers[str(refusal.row.code)] += 1
        return refusal.response(call_headers())

    def _admit(self, request: Request) -> None:
        self._emulator.ledger.admit(
            request.path_params["account_id"],
            request.headers,
            request.url.path,
            listing=True,
        )


def _success(result: Any, **more: Any) -> Response:
    return JSONResponse(
        {"success": True, "errors": [], "messages": [], "result": result} | more, headers=call_headers()
    )
