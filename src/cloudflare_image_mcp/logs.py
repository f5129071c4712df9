"""Logging: one format for all lines, the request's id in each of them, and one line for each failure."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.request_context import request_id

if TYPE_CHECKING:
    from cloudflare_image_mcp.errors import GatewayError
    from cloudflare_image_mcp.request_context import RequestRecord

_log = logging.getLogger(__name__)
# Without configure_logging nothing is printed: a command prints its error itself.
_log.addHandler(logging.NullHandler())


class LogFormatter(logging.Formatter):
    """``2026-11-27T20:15:01.123Z WARNING req_abc cloudflare_image_mcp.core.gateway: message``; where requests are
    traced, ``trace_id=`` and the trace's id after the request's.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(request_ids)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        trace_id = _trace_id(record)
        record.request_ids = f"{request_id.get()} trace_id={trace_id}" if trace_id else request_id.get()
        return super().format(record)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        time = datetime.fromtimestamp(record.created, UTC)
        return time.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _trace_id(record: logging.LogRecord) -> str:
    """The id of the trace in which a record was made; empty outside. ``usage/otlp_tracer.py`` adds it."""
    return getattr(record, "trace_id", "")


class JsonFormatter(LogFormatter):
    """One JSON object a line: ``time``, ``level``, ``request_id``, ``logger``, ``message``, where there is one
    ``trace_id`` and ``traceback``, and the fields of ``log_request``.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "request_id": request_id.get(),
            **({"trace_id": trace_id} if (trace_id := _trace_id(record)) else {}),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logging(level: str, format_: str = "text") -> None:
    """Writes all log lines to standard error. ``level``: debug, info, warning or error; of other libraries than uvicorn
    only warnings are shown, except with debug. ``format_``: text or json.
    """
    # What no line shows need not be found out: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format_ == "json" else LogFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel({"debug": "DEBUG", "error": "ERROR"}.get(level, "WARNING"))
    for name in ("cloudflare_image_mcp", "uvicorn"):
        logging.getLogger(name).setLevel(level.upper())


_FIELDS: Final = "request_fields"


def log_request(record: RequestRecord) -> None:
    """Logs the one line of a request that has ended: ``POST /v1/images/generations 200 key=alice ...``."""
    if not _log.isEnabledFor(logging.INFO):
        return
    fields = {
        "method": record.method,
        "path": record.path,
        "status": record.status,
        "milliseconds": round(record.seconds * 1000, 1),
        "key": record.key,
        "operation": record.operation,
        "model": record.model,
        "backend": record.backend,
        "cache": record.cache,
        "images": record.images,
        "neurons": None if record.neurons is None else round(record.neurons, 2),
        "prompt": record.prompt,
    }
    known = {name: value for name, value in fields.items() if value or name == "status"}
    # A caller's text is quoted, so that it cannot look like another line or another field.
    text = [f"{name}={json.dumps(value) if name in _QUOTED else value}" for name, value in known.items()]
    # Without looking for the calling line, which no format shows: that takes as long as to write the line.
    _log.handle(
        _log.makeRecord(_log.name, logging.INFO, "", 0, "request %s", (" ".join(text),), None, None, {_FIELDS: known})
    )


_QUOTED: Final = frozenset({"path", "prompt"})


def log_failure(error: GatewayError, what: str, *, seconds: float | None = None) -> None:
    """Logs an error of status 500 and above, once, however many callers pass it on."""
    if error.row.status < 500 or error.logged:
        return
    error.logged = True
    time = "" if seconds is None else f" after {seconds:.1f} s"
    _log.error("%s failed%s: %d %s: %s", what, time, error.row.status, error.row.code or error.kind, str(error))
