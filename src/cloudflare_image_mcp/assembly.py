"""Creates the gateway with its backend, store and adapters from the settings, under CPython.

A Worker does this in ``worker/entry.py``.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cloudflare_image_mcp.catalog import BACKGROUND_REMOVER
from cloudflare_image_mcp.core.gateway import Gateway
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.core.tracing import NO_TRACER
from cloudflare_image_mcp.errors import SettingError, masked_url
from cloudflare_image_mcp.fetcher.lazy import LazyFetcher
from cloudflare_image_mcp.limits import MAX_RESULT_BYTES, RESULT_FETCH_TIMEOUT
from cloudflare_image_mcp.setting_values import LLAMA_GUARD
from cloudflare_image_mcp.storage.opening import directory_of, open_store
from cloudflare_image_mcp.system import Background, SystemClock, SystemIds
from cloudflare_image_mcp.usage.tracing import open_tracer

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.accounts import Account
    from cloudflare_image_mcp.backends.workers_ai.discovery import Discovery, OfferedModels
    from cloudflare_image_mcp.backends.workers_ai.neurons import NeuronCounter
    from cloudflare_image_mcp.backends.workers_ai.text_model import TextModel
    from cloudflare_image_mcp.core.job_records import JobRecords
    from cloudflare_image_mcp.core.limiter import Limiter
    from cloudflare_image_mcp.core.ports import (
        Backend,
        ImageFetcher,
        ImageSigner,
        ImageStore,
        JobNotifier,
        Pixels,
        PromptFilter,
        PromptWriter,
    )
    from cloudflare_image_mcp.core.quota import UsageCounters
    from cloudflare_image_mcp.core.tracing import Tracer
    from cloudflare_image_mcp.imaging.picture_threads import PictureMemory
    from cloudflare_image_mcp.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assembly:
    """The gateway and what has to be closed after it."""

    gateway: Gateway
    background: Background
    jobs: Jobs
    job_records: JobRecords | None
    discovery: Discovery | None = None
    """Keeps the models up to date, with ``CLOUDFLARE_CATALOGUE``."""

    def start(self) -> None:
        """Starts the background task of a server: it reads the account's catalogue."""
        if self.discovery is not None:
            self.discovery.start()

    async def aclose(self, seconds: float = 30) -> None:
        """Waits up to ``seconds`` for background tasks, then closes the backend and the store."""
        if self.discovery is not None:
            await self.discovery.stop()
        await self.background.drain(seconds)
        await self.gateway.aclose()
        if self.job_records is not None:
            await self.job_records.aclose()


def assemble(settings: Settings, *, backend: Backend | None = None, fetcher: ImageFetcher | None = None) -> Assembly:
    """Creates the gateway. ``backend`` and ``fetcher`` replace those of the settings. Opens no connection.
    Raises ``SettingError`` when the settings do not fit together.
    """
    from cloudflare_image_mcp.imaging.picture_threads import PictureMemory
    from cloudflare_image_mcp.imaging.pixels import PillowPixels

    memory = PictureMemory()
    pixels = PillowPixels(memory=memory)
    options = settings.options()
    discovery = None
    if settings.cloudflare_catalogue and settings.accounts:
        discovery, offered = open_discovery(settings)
        options = replace(options, names=replace(options.names, offered=offered))
    background = Background()
    tracer = _tracer(settings)
    gateway = Gateway(
        backend=backend or _backend(settings, pixels, memory, tracer),
        local=_illustrator(memory) if options.fallbacks.use_local else None,
        store=_store(settings),
        pixels=pixels,
        fetcher=fetcher or LazyFetcher(lambda: _fetcher(settings)),
        clock=SystemClock(),
        ids=SystemIds(),
        defer=background,
        options=options,
        limiter=_limiter(settings),
        prompt_writer=_prompt_writer(settings, tracer),
        prompt_filter=_prompt_filter(settings, tracer),
        signer=_signer(settings),
        tracer=tracer,
    )
    _watch(gateway)
    records = _job_records(settings)
    return Assembly(gateway, background, Jobs(gateway, records, notifier=_notifier(settings)), records, discovery)


def open_discovery(settings: Settings) -> tuple[Discovery, OfferedModels]:
    """Creates what reads the first account's catalogue, and the models that it keeps. Opens no connection."""
    from cloudflare_image_mcp.backends.workers_ai.discovery import Discovery, OfferedModels

    offered = OfferedModels(settings.offered_models)
    return Discovery(settings.cloudflare_api_base_url, _accounts(settings)[0], offered, settings.offers), offered


def _watch(gateway: Gateway) -> None:
    """Adds what the backend counts to the metrics."""
    backend, metrics = gateway.backend, gateway.recorder.metrics
    if backend.name != "workers-ai":
        return
    from cloudflare_image_mcp.backends.workers_ai.backend import WorkersAIBackend

    if isinstance(backend, WorkersAIBackend):
        metrics.traffic, metrics.is_awake = backend.traffic, lambda: backend.is_awake


def storage_url(settings: Settings) -> str:
    """The configured store, or a folder in the user's data directory."""
    return settings.image_storage_url or (_user_data() / "images").as_uri()


def neuron_ledger_url(settings: Settings) -> str:
    """The configured ledger, or a folder in the user's data directory."""
    return settings.neuron_ledger_url or (_user_data() / "neurons").as_uri()


def open_neuron_counter(settings: Settings) -> NeuronCounter:
    """The counter of spent neurons. Opens no file yet. Raises ``SettingError``."""
    directory = _ledger_directory(settings)
    if directory is None:
        from cloudflare_image_mcp.backends.workers_ai.neurons import LocalNeuronCounter

        return LocalNeuronCounter()
    from cloudflare_image_mcp.backends.workers_ai.neuron_ledger import NeuronLedger

    return NeuronLedger(directory)


def open_counters(settings: Settings) -> UsageCounters:
    """The counters that API keys are limited by: in Redis, else beside the neuron ledger. Opens nothing yet. Raises
    ``SettingError``.
    """
    if settings.redis_url:
        from cloudflare_image_mcp.usage.redis_counters import RedisCounters

        return RedisCounters(settings.redis_url)
    directory = _ledger_directory(settings)
    if directory is None:
        from cloudflare_image_mcp.usage.local_counters import LocalCounters

        return LocalCounters()
    from cloudflare_image_mcp.usage.sqlite_counters import SqliteCounters

    return SqliteCounters(directory)


def _prompt_writer(settings: Settings, tracer: Tracer) -> PromptWriter | None:
    """None without Workers AI. Opens no connection."""
    if settings.backend == "local":
        return None
    from cloudflare_image_mcp.backends.workers_ai.prompt_writer import WorkersAIPromptWriter

    return WorkersAIPromptWriter(_text_model(settings, settings.prompt_model, tracer))


def _prompt_filter(settings: Settings, tracer: Tracer) -> PromptFilter | None:
    """Opens no connection. Raises ``SettingError``."""
    if settings.prompt_filter is None:
        return None
    if settings.prompt_filter != LLAMA_GUARD:
        from cloudflare_image_mcp.usage.word_filter import WordFilter

        return WordFilter(Path(settings.prompt_filter.removeprefix("file:")).expanduser())
    if not settings.accounts:
        raise SettingError("PROMPT_FILTER is llama-guard, which needs CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN")
    from cloudflare_image_mcp.backends.workers_ai.llama_guard import MODEL, LlamaGuard

    return LlamaGuard(_text_model(settings, MODEL, tracer))


def _text_model(settings: Settings, model_id: str, tracer: Tracer) -> TextModel:
    from cloudflare_image_mcp.backends.workers_ai.rest_transport import RestTransport
    from cloudflare_image_mcp.backends.workers_ai.text_model import TextModel

    transport = RestTransport(settings.cloudflare_api_base_url, tracer=tracer)
    neurons = open_neuron_counter(settings)
    return TextModel(_accounts(settings), transport, SystemClock(), model_id, neurons, tracer=tracer)


def _limiter(settings: Settings) -> Limiter | None:
    """None without named keys: no others have limits."""
    if not settings.has_named_keys:
        return None
    from cloudflare_image_mcp.core.limiter import Limiter
    from cloudflare_image_mcp.usage.fallback_counters import FallbackCounters

    return Limiter(FallbackCounters(open_counters(settings), strict=settings.limits_strict), SystemClock())


def _signer(settings: Settings) -> ImageSigner | None:
    """Raises ``SettingError``, also where the certificate or the key cannot be used."""
    certificate, key = settings.c2pa_certificate, settings.c2pa_private_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        names = ("C2PA_CERTIFICATE", "C2PA_PRIVATE_KEY")
        missing, there = names if certificate is None else reversed(names)
        raise SettingError(f"{missing} is not set; {there} needs it")
    from cloudflare_image_mcp.imaging.content_credentials import CredentialsSigner

    return CredentialsSigner(certificate, key)


def _tracer(settings: Settings) -> Tracer:
    """``NO_TRACER`` where no collector is set, or spans cannot be sent to it: a warning says why."""
    try:
        url = settings.collector_url
        return NO_TRACER if url is None else open_tracer(url)
    except SettingError as error:
        _log.warning("requests are not traced: %s", error)
        return NO_TRACER


def _notifier(settings: Settings) -> JobNotifier | None:
    """None without a secret. Raises ``SettingError``."""
    if settings.webhook_secret is None:
        return None
    from cloudflare_image_mcp.fetcher.webhooks import Webhooks

    return Webhooks(settings.webhook_secret, allow_private=settings.allow_private_image_urls)


def _ledger_directory(settings: Settings) -> Path | None:
    """The folder of ``NEURON_LEDGER_URL``; None for ``memory:``. Raises ``SettingError``."""
    url = neuron_ledger_url(settings)
    if url == "memory:":
        return None
    try:
        if not url.lower().startswith("file:"):
            raise ValueError("unknown kind of URL")
        return Path(directory_of(url, windows=os.name == "nt"))
    except ValueError as error:
        raise SettingError(
            f'NEURON_LEDGER_URL must be file:///directory or memory:; "{masked_url(url)}" cannot be used: {error}'
        ) from None


def _user_data() -> Path:
    from platformdirs import user_data_path

    return user_data_path("cloudflare-image-mcp", appauthor=False)


def _store(settings: Settings) -> ImageStore:
    return open_store(storage_url(settings), expiry=settings.image_lifetime, clock=SystemClock())


def _job_records(settings: Settings) -> JobRecords | None:
    """In Redis; else beside the images: in their folder, or in memory; for a bucket in the user's data directory."""
    if settings.redis_url:
        from cloudflare_image_mcp.usage.redis_jobs import RedisJobs

        return RedisJobs(settings.redis_url)
    url = storage_url(settings).lower()
    if url.startswith("memory:"):
        return None
    from cloudflare_image_mcp.usage.job_database import JobDatabase

    if url.startswith("file:"):
        return JobDatabase(Path(directory_of(storage_url(settings), windows=os.name == "nt")))
    return JobDatabase(_user_data() / "jobs")


def _fetcher(settings: Settings) -> ImageFetcher:
    from cloudflare_image_mcp.fetcher.guarded import GuardedFetcher

    return GuardedFetcher(allow_private=settings.allow_private_image_urls)


def _result_fetcher(settings: Settings) -> ImageFetcher:
    """Fetches the images that models answer with: from public hosts, and from the API itself, which may be local."""
    from cloudflare_image_mcp.fetcher.guarded import FetchLimits, GuardedFetcher
    from cloudflare_image_mcp.fetcher.origin import OriginFetcher

    limits = FetchLimits(bytes=MAX_RESULT_BYTES, seconds=RESULT_FETCH_TIMEOUT)
    # Without redirects, which could lead from there to any address of this network.
    own = GuardedFetcher(allow_private=True, limits=replace(limits, redirects=0))
    return OriginFetcher(settings.cloudflare_api_base_url, own=own, others=GuardedFetcher(limits=limits))


def _backend(settings: Settings, pixels: Pixels, memory: PictureMemory, tracer: Tracer) -> Backend:
    settings.check_backend()
    settings.check_catalogue()
    if settings.backend == "local":
        return _local_backend(settings, memory)
    from cloudflare_image_mcp.backends.workers_ai.backend import WorkersAIBackend
    from cloudflare_image_mcp.backends.workers_ai.rest_transport import RestTransport

    return WorkersAIBackend(
        _accounts(settings),
        RestTransport(settings.cloudflare_api_base_url, tracer=tracer),
        pixels,
        SystemClock(),
        ai_gateway=settings.cloudflare_ai_gateway,
        neurons=open_neuron_counter(settings),
        result_fetcher=LazyFetcher(lambda: _result_fetcher(settings)) if settings.cloudflare_catalogue else None,
        background_remover=settings.offered_models.get(BACKGROUND_REMOVER),
        tracer=tracer,
    )


def _accounts(settings: Settings) -> list[Account]:
    from cloudflare_image_mcp.backends.workers_ai.accounts import Account

    return [Account(account.account_id, account.api_token) for account in settings.accounts]


def _local_backend(settings: Settings, memory: PictureMemory) -> Backend:
    if settings.local_engine == "diffusers":
        from cloudflare_image_mcp.backends.diffusers import DiffusersBackend

        return DiffusersBackend(settings.diffusers_model)
    return _illustrator(memory)


def _illustrator(memory: PictureMemory) -> Backend:
    from cloudflare_image_mcp.backends.local import LocalBackend, require_illustrator

    require_illustrator()
    return LocalBackend(memory=memory)
