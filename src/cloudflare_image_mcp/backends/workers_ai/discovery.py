"""Reads from an account's catalogue which image models of other providers are newer than this release.

The list is read in the background at the start and once a day, never in the way of a request. What cannot be read
leaves the models as they were.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp

from cloudflare_image_mcp.backends.workers_ai.published_schema import NotOffered, model_of_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflare_image_mcp.backends.workers_ai.accounts import Account
    from cloudflare_image_mcp.catalog import Model

KEPT: Final = 24 * 3600.0
"""Seconds between two readings."""
AFTER_FAILURE: Final = 3600.0
"""Seconds until the next one where the last failed."""
TIMEOUT: Final = 30.0
"""Seconds for one answer."""
PER_PAGE: Final = 50
MOST_PAGES: Final = 40
MOST_NEW: Final = 100
"""Schemas that are read."""

_log = logging.getLogger(__name__)


class OfferedModels(Mapping[str, "Model"]):
    """The models by id: those of the release, then those that were discovered."""

    def __init__(self, known: Mapping[str, Model]) -> None:
        self._known = known
        self._rows: Mapping[str, Model] = known

    def offer(self, discovered: Mapping[str, Model]) -> None:
        """Replaces the models that were discovered before."""
        self._rows = {**self._known, **discovered}

    def is_of_release(self, name: str) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> Model:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class DiscoveryError(Exception):
    """The account's catalogue cannot be read; the text says why, without secrets."""


class Discovery:
    """Keeps ``offered`` up to date."""

    def __init__(self, base_url: str, account: Account, offered: OfferedModels, wanted: Callable[[str], bool]) -> None:
        """``wanted``: whether a model of this id may be offered."""
        self._url = f"{base_url.rstrip('/')}/accounts/{quote(account.account_id, safe='')}/ai/catalog/models"
        self._headers = {"Authorization": f"Bearer {account.api_token}"}
        self._offered = offered
        self._wanted = wanted
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to read in the background."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_reading())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def refresh(self) -> dict[str, Model]:
        """Reads once, and offers what is new. Raises ``DiscoveryError``."""
        try:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            async with aiohttp.ClientSession(headers=self._headers, timeout=timeout, trust_env=True) as session:
                found = {row["id"]: row for row in await self._listed(session)}
                known = {name for name in self._offered if name in found}
                fresh = [row for name, row in found.items() if self._is_new(name)][:MOST_NEW]
                models = [await self._model(session, row) for row in fresh]
        except TimeoutError:
            raise DiscoveryError(f"no answer within {TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # The type alone: the text may hold what was sent.
            raise DiscoveryError(f"cannot be reached ({type(error).__name__})") from None
        discovered = {model.id: model for model in models if model is not None}
        self._offered.offer(discovered)
        _log.info("the account's catalogue has %d known image models and %d new ones", len(known), len(discovered))
        return discovered

    def _is_new(self, name: str) -> bool:
        return self._wanted(name) and not self._offered.is_of_release(name)

    async def _keep_reading(self) -> None:
        while True:
            pause = KEPT
            try:
                await self.refresh()
            except DiscoveryError as error:
                pause = AFTER_FAILURE
                _log.warning("the account's catalogue cannot be read: %s", error)
            except Exception:
                pause = AFTER_FAILURE
                _log.exception("the account's catalogue cannot be read")
            await asyncio.sleep(pause)

    async def _listed(self, session: aiohttp.ClientSession) -> list[dict[str, Any]]:
        """The image models of every page."""
        rows: list[dict[str, Any]] = []
        seen = 0
        for page in range(1, MOST_PAGES + 1):
            answer = await self._get(session, f"{self._url}?page={page}&per_page={PER_PAGE}")
            items = answer.get("result")
            if not isinstance(items, list) or not items:
                break
            seen += len(items)
            rows += [row for item in items if (row := _row(item)) is not None]
            info = answer.get("result_info")
            total = info.get("total_count") if isinstance(info, dict) else None
            if isinstance(total, int) and seen >= total:
                break
        return rows

    async def _model(self, session: aiohttp.ClientSession, row: dict[str, Any]) -> Model | None:
        answer = await self._get(session, f"{self._url}/{quote(row['id'], safe='/')}/schema")
        schema = answer.get("result")
        if isinstance(schema, dict):
            schema = schema.get("schema", schema)
        try:
            return model_of_schema(row["id"], row["title"], schema, row["price"])
        except NotOffered as error:
            _log.info("%s is not offered: %s", row["id"], error)
            return None

    async def _get(self, session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise DiscoveryError(f"HTTP {response.status}")
            try:
                answer: Any = await response.json(content_type=None)
            except ValueError:
                raise DiscoveryError("the answer is not JSON") from None
        if not isinstance(answer, dict):
            raise DiscoveryError("the answer is not an object")
        return answer


def _row(item: Any) -> dict[str, Any] | None:
    """Id, title and price of an image model in the list; None for other models."""
    if not isinstance(item, dict):
        return None
    task = item.get("task")
    task = task.get("name") if isinstance(task, dict) else task
    name = next((item[key] for key in ("model_id", "id", "name") if "/" in str(item.get(key, ""))), None)
    if name is None or name.startswith("@") or not str(task or "").lower().endswith("image"):
        return None
    pricing = item.get("pricing")
    price = pricing.get("Per image") if isinstance(pricing, dict) else None
    return {
        "id": str(name),
        "title": str(item.get("name", name)),
        "price": float(price) if isinstance(price, (int, float)) and price > 0 else None,
    }
