"""How tracing is switched on and off, and what becomes of requests and spans when a collector fails."""

from __future__ import annotations

import re
import signal
import socket
from typing import TYPE_CHECKING, Final

import pytest
import requests

from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.settings import Settings
from tests.cli.commands import Home
from tests.collector import Collector, collecting
from tests.live import command
from tests.ports import free_port
from tests.usage.traced import GENERATIONS, Upstream, collector, generate, serving, settings, traceparent, upstream
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["collector", "upstream"]  # fixtures, found by their names


def test_what_is_not_sampled_is_not_sent_and_named_upstream_as_that(
    upstream: Upstream, collector: Collector, tmp_path: Path
) -> None:
    trace = "dbf92f3577b34da6a3ce929d0e0e4736"
    environ = settings(upstream, collector.endpoint, OTEL_TRACES_SAMPLER="always_off")
    with serving(environ, tmp_path / "log") as origin:
        assert generate(origin, traceparent(trace)).status_code == 200
    assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-00", upstream.headers[-1][b"traceparent"].decode())
    assert not [span for span in collector.spans if span.trace == trace]


@pytest.mark.parametrize(
    "off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}]
)
def test_tracing_can_be_off(off: dict[str, str]) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert Settings.read(endpoint | off).collector_url is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.example.com/in"}, "https://otlp.example.com/in/v1/traces"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/spans"},
            "http://b/spans",
        ),
    ],
)
def test_the_address_of_the_collector(environ: dict[str, str], url: str) -> None:
    assert Settings.read(environ).collector_url == url


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
            'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL; "collector:4318" is not',
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://user:word@a:99999/?key=word"},
            'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be an http or https URL; "http://***@a:99999/?***" is not',
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "zipkin"},
            'OTEL_TRACES_EXPORTER must be otlp or none; "zipkin" is not',
        ),
    ],
)
def test_a_wrong_address_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError) as raised:
        _ = Settings.read(environ).collector_url
    assert str(raised.value) == message


def test_what_a_caller_sends_as_context_is_not_logged(upstream: Upstream, collector: Collector, tmp_path: Path) -> None:
    context = {"traceparent": "0" * 600, "baggage": "word=" + "v" * 9000}
    log = tmp_path / "log"
    with serving(settings(upstream, collector.endpoint), log) as origin:
        for headers in ({}, context, context | {"baggage": "word=" + "v" * 5000}):
            assert requests.get(f"{origin}/v1/models", headers=headers, timeout=LONGEST).status_code == 200
    assert "word" not in log.read_text("utf-8")
    assert "opentelemetry" not in log.read_text("utf-8")


def test_a_stopped_collector_is_one_line_in_the_log_and_its_return_another(upstream: Upstream, tmp_path: Path) -> None:
    log, port = tmp_path / "log", free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with serving(settings(upstream, endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="3"), log) as origin:
        for _ in range(3):
            assert generate(origin).status_code == 200
            wait_for(lambda: "takes no spans" in log.read_text("utf-8"), "the warning")
        with collecting(port) as collector:
            assert generate(origin).status_code == 200
            wait_for(lambda: "takes spans again" in log.read_text("utf-8"), "the end of the warning")
            assert collector.trace_of(GENERATIONS)
            text = log.read_text("utf-8")
    warning = "WARNING - cloudflare_image_mcp.usage.otlp_tracer: {}/v1/traces takes no spans, and they are dropped: {}"
    assert text.count(warning.format(endpoint, "[Errno 111] Connection refused")) == 1
    assert "opentelemetry" not in text
    assert "Traceback" not in text


def test_a_collector_that_never_answers_does_not_hold_up_the_end(upstream: Upstream, tmp_path: Path) -> None:
    """The SDK itself would wait for half a minute, and the connection for ten."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environ = settings(upstream, endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="600")
        port = free_port()
        with command(port, environ, tmp_path / "log") as process:
            assert generate(f"http://127.0.0.1:{port}").status_code == 200
            process.terminate()
            assert process.wait(25) == -signal.SIGTERM  # as uvicorn ends
    text = (tmp_path / "log").read_text("utf-8")
    assert "opentelemetry" not in text
    assert text.count(f"{endpoint}/v1/traces did not take the last spans in 2 s, and they are dropped") == 1
    assert "takes no spans" not in text


@pytest.mark.parametrize("name", ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_BSP_MAX_QUEUE_SIZE"])
def test_a_setting_that_the_sdk_cannot_use_leaves_the_server_untraced(
    upstream: Upstream, tmp_path: Path, name: str
) -> None:
    with serving(settings(upstream, "http://127.0.0.1:1", **{name: "-1"}), tmp_path / "log") as origin:
        assert generate(origin).status_code == 200
    warning = "requests are not traced: OpenTelemetry cannot use its OTEL_* settings: "
    assert warning in (tmp_path / "log").read_text("utf-8")


BLOCKED: Final = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def test_without_the_extra_the_server_runs_and_says_what_to_install(upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    environ = settings(upstream, "http://127.0.0.1:1", PYTHONPATH=str(tmp_path))
    with serving(environ, tmp_path / "log") as origin:
        assert generate(origin).status_code == 200
    needed = "OTEL_EXPORTER_OTLP_ENDPOINT needs the extra [otel]: pip install -e '.[otel]' in the checkout"
    assert f"requests are not traced: {needed}" in (tmp_path / "log").read_text("utf-8")
    found = Home(tmp_path).set(**environ).run("doctor")
    assert needed in found.stdout.decode()


def test_doctor_asks_the_collector(upstream: Upstream, collector: Collector, tmp_path: Path) -> None:
    home = Home(tmp_path).set(**settings(upstream, collector.endpoint))
    assert f"{collector.endpoint}/v1/traces takes spans" in home.run("doctor").stdout.decode()
    stopped = home.set(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}").run("doctor")
    assert "/v1/traces takes no spans: [Errno 111] Connection refused" in stopped.stdout.decode()
    assert "takes no spans" not in stopped.stderr
