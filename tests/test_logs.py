"""Log lines: one format, the request's id, one line for each failure."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys

import pytest

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.logs import LogFormatter, log_failure
from cloudflare_image_mcp.request_context import request_id

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ (-|req_\S+) [\w.]+: .+"


def test_a_line_has_time_level_request_and_logger() -> None:
    record = logging.LogRecord("some.logger", logging.WARNING, "x.py", 1, "it %s", ("rained",), None)
    assert re.fullmatch(LINE, LogFormatter().format(record))
    token = request_id.set("req_1")
    try:
        assert LogFormatter().format(record).endswith("Z WARNING req_1 some.logger: it rained")
    finally:
        request_id.reset(token)


def test_json_lines_hold_the_same_and_a_traceback_in_one_line() -> None:
    """In a process of its own: the root logger is configured."""
    code = (
        "import logging; from cloudflare_image_mcp.logs import configure_logging; configure_logging('info', 'json')\n"
        "log = logging.getLogger('cloudflare_image_mcp.x')\n"
        "log.info('it %s', 'rained \\u2602')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: log.exception('a defect')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = map(json.loads, ran.stderr.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    logger = "cloudflare_image_mcp.x"
    assert first == {"level": "INFO", "request_id": "-", "logger": logger, "message": "it rained \u2602"}
    assert second["message"] == "a defect"
    assert "ZeroDivisionError" in second["traceback"]


def test_a_failure_is_logged_once_and_an_error_of_the_caller_never(caplog: pytest.LogCaptureFixture) -> None:
    error = GatewayError("upstream_timeout", "no answer within 60 seconds")
    log_failure(error, "generate with flux", seconds=60.04)
    log_failure(error, "POST /v1/images/generations")
    log_failure(GatewayError("invalid_request", "n must be 1 to 8"), "POST /v1/images/generations")
    assert [record.getMessage() for record in caplog.records] == [
        "generate with flux failed after 60.0 s: 504 upstream_timeout: no answer within 60 seconds"
    ]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["own info", "own warning", "other info", "other warning"]),
        ("info", ["own info", "own warning", "other warning"]),
        ("warning", ["own warning", "other warning"]),
        ("error", []),
    ],
)
def test_the_level_is_that_of_the_setting(level: str, shown: list[str]) -> None:
    """In a process of its own: the root logger is configured."""
    code = (
        "import logging; from cloudflare_image_mcp.logs import configure_logging; configure_logging(%r)\n"
        "for name in 'cloudflare_image_mcp.x', 'other':\n"
        "    for level in 'info', 'warning':\n"
        "        getattr(logging.getLogger(name), level)('%%s %%s', 'other' if name == 'other' else 'own', level)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code % level], capture_output=True, text=True, check=True)
    lines = ran.stderr.splitlines()
    assert [line.partition(": ")[2] for line in lines] == shown
    assert all(re.fullmatch(LINE, line) for line in lines)
