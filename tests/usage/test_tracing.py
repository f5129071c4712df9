"""Traces of a gateway process, as an OTLP receiver gets them."""

from __future__ import annotations

import json
import re
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from cloudflare_image_mcp.emulator import EmulatorOptions, make_server
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.settings import Settings
from tests.cli.commands import Home
from tests.collector import Collector, Span, collecting
from tests.live import command, running, workers_ai_at
from tests.mcp_server.conftest import Command
from tests.mcp_server.test_json_answers import Session, call
from tests.mcp_server.test_stdio import answers
from tests.ports import free_port
from tests.rest.pictures import picture
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

KLEIN: Final = "@cf/black-forest-labs/flux-2-klein-4b"
ACCOUNT: Final = "0123456789abcdef0123456789abcdef"
TOKEN: Final = "a-token-that-no-span-may-hold"
PROMPT: Final = "heliotrope zeppelin"
GENERATIONS: Final = "POST /v1/images/generations"
CALLER: Final = "00f067aa0ba902b7"
"""The span of the client that calls."""


def traceparent(trace: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{CALLER}-01"}


@dataclass
class Upstream:
    """ASGI: the emulator, which fails as often as it is told to, and the headers of the calls that it got."""

    app: ASGIApp
    address: str = ""
    failures: int = 0
    headers: list[dict[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/ai/run/" in scope["path"]:
            self.headers.append(dict(scope["headers"]))
            if self.failures:
                self.failures -= 1
                body = b'{"success":false,"errors":[{"code":3040,"message":"Capacity temporarily exceeded"}]}'
                await send({"type": "http.response.start", "status": 429, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = make_server(EmulatorOptions(daily_neurons=1e12))
    wrapped = server.config.app = Upstream(server.config.app)  # type: ignore[arg-type]  # it may be a name, too
    with running(server) as wrapped.address:
        yield wrapped


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def settings(upstream: Upstream, endpoint: str, **more: str) -> dict[str, str]:
    account = {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": TOKEN}
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    return workers_ai_at(upstream.address, **account, **(otel | more))


@contextmanager
def serving(environ: dict[str, str], log: Path) -> Iterator[str]:
    """The origin of a gateway process."""
    port = free_port()
    with command(port, environ, log):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="module")
def origin(upstream: Upstream, collector: Collector, log: Path) -> Iterator[str]:
    with serving(settings(upstream, collector.endpoint), log) as origin:
        yield origin


def generate(origin: str, headers: dict[str, str] | None = None, **fields: Any) -> requests.Response:
    body = {"prompt": PROMPT, "size": "256x256", "model": KLEIN, **fields}
    return requests.post(f"{origin}/v1/images/generations", json=body, headers=headers, timeout=LONGEST)


def tree(spans: list[Span]) -> dict[str, set[str]]:
    """The names of the spans in each span."""
    names = {span.id: span.name for span in spans}
    found: dict[str, set[str]] = {}
    for span in spans:
        found.setdefault(names.get(span.parent, ""), set()).add(span.name)
    return found


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


CALL: Final = f"image_generation {KLEIN}"


def test_the_spans_of_a_stored_generation_are_one_trace_with_its_retry(
    origin: str, upstream: Upstream, collector: Collector, log: Path
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    upstream.failures, before = 1, len(upstream.headers)
    sent = traceparent(trace) | {"tracestate": "vendor=1", "baggage": "user=me"}
    assert generate(origin, sent, response_format="url").status_code == 200
    spans = collector.trace_of(GENERATIONS, trace)
    assert tree(spans) == {"": {GENERATIONS}, GENERATIONS: {"backend", "finish", "store"}, "backend": {CALL}}
    (server,) = named(spans, GENERATIONS)
    assert (server.parent, server.kind, server.failed) == (CALLER, 2, False)
    wanted = {
        "http.request.method": "POST",
        "http.route": "/v1/images/generations",
        "url.path": "/v1/images/generations",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "image.operation": "generate",
        "image.model": KLEIN,
        "image.backend": "workers-ai",
        "image.count": 1,
    }
    assert wanted.items() <= server.attributes.items()
    assert server.resource["service.name"] == "cloudflare-image-mcp"
    failed, made = named(spans, CALL)
    assert (failed.kind, failed.failed, failed.attributes["error.type"]) == (3, True, "3040")
    assert (failed.attributes["http.response.status_code"], made.attributes["http.response.status_code"]) == (429, 200)
    assert (made.kind, made.failed, made.attributes["http.request.resend_count"]) == (3, False, 1)
    assert "error.type" not in made.attributes
    of_call = {
        "gen_ai.operation.name": "image_generation",
        "gen_ai.provider.name": "cloudflare.workers_ai",
        "gen_ai.request.model": KLEIN,
        "gen_ai.output.type": "image",
        "cloudflare.account": ACCOUNT[-4:],
        "url.full": f"{upstream.address}/client/v4/accounts/REDACTED/ai/run/{KLEIN}",
    }
    assert of_call.items() <= made.attributes.items()
    handed_on = [headers[b"traceparent"].decode() for headers in upstream.headers[before:]]
    assert handed_on == [f"00-{trace}-{span.id}-01" for span in (failed, made)]
    assert upstream.headers[-1][b"tracestate"] == b"vendor=1"
    assert b"baggage" not in upstream.headers[-1]
    lines = [line for line in log.read_text("utf-8").splitlines() if f"trace_id={trace} " in line]
    assert [("upstream failure" in line, "request method=POST" in line) for line in lines] == [
        (True, False),
        (False, True),
    ]


def test_an_edit_of_several_images_is_one_trace(origin: str, collector: Collector) -> None:
    trace = "5bf92f3577b34da6a3ce929d0e0e4736"
    answer = requests.post(
        f"{origin}/v1/images/edits",
        data={"prompt": PROMPT, "model": KLEIN, "size": "256x256", "n": "2"},
        files={"image": ("a.png", picture(256, 256), "image/png")},
        headers=traceparent(trace),
        timeout=LONGEST,
    )
    assert answer.status_code == 200, answer.text
    root = "POST /v1/images/edits"
    spans = collector.trace_of(root, trace)
    assert tree(spans) == {"": {root}, root: {"input", "backend", "finish", "store"}, "backend": {CALL}}
    assert [len(named(spans, name)) for name in ("backend", CALL, "finish", "store")] == [2, 2, 2, 2]
    assert {span.parent for span in named(spans, CALL)} == {span.id for span in named(spans, "backend")}
    assert named(spans, root)[0].attributes["image.operation"] == "edit"


def test_a_job_is_in_the_trace_of_the_request_that_started_it(origin: str, collector: Collector) -> None:
    trace = "6bf92f3577b34da6a3ce929d0e0e4736"
    started = generate(origin, traceparent(trace), **{"async": True})
    assert started.status_code == 202
    collector.trace_of(GENERATIONS, trace)
    spans = collector.trace_of("job", trace)
    assert tree(spans) == {
        "": {GENERATIONS},
        GENERATIONS: {"job"},
        "job": {"backend", "finish", "store"},
        "backend": {CALL},
    }
    (job,) = named(spans, "job")
    assert {"image.job": started.json()["id"], "image.model": KLEIN, "image.count": 1}.items() <= job.attributes.items()


def test_a_chat_and_an_enhanced_prompt_are_traced(origin: str, collector: Collector) -> None:
    trace = "7bf92f3577b34da6a3ce929d0e0e4736"
    body = {"model": KLEIN, "messages": [{"role": "user", "content": PROMPT}], "enhance": True}
    answer = requests.post(f"{origin}/v1/chat/completions", json=body, headers=traceparent(trace), timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    root = "POST /v1/chat/completions"
    spans = collector.trace_of(root, trace)
    (text,) = (span for span in spans if span.name.startswith("chat "))
    assert (text.kind, text.attributes["gen_ai.operation.name"]) == (3, "chat")
    assert tree(spans)["enhance"] == {text.name}
    assert tree(spans)[root] == {"enhance", "backend", "finish", "store"}


def test_errors_are_marked_with_their_codes(origin: str, upstream: Upstream, collector: Collector) -> None:
    trace = "8bf92f3577b34da6a3ce929d0e0e4736"
    assert generate(origin, traceparent(trace), steps=99).status_code == 400
    (server,) = collector.trace_of(GENERATIONS, trace)
    assert (server.failed, server.attributes["http.response.status_code"]) == (False, 400)
    assert server.attributes["error.type"] == "invalid_request"
    trace = "fbf92f3577b34da6a3ce929d0e0e4736"
    sent = traceparent(trace) | {"content-type": "application/json"}
    assert requests.post(f"{origin}/v1/images/generations", data="{", headers=sent, timeout=LONGEST).status_code == 400
    (server,) = collector.trace_of(GENERATIONS, trace)
    assert (server.failed, server.attributes["error.type"]) == (False, "invalid_request")
    trace = "9bf92f3577b34da6a3ce929d0e0e4736"
    upstream.failures = 100
    answer = generate(origin, traceparent(trace), stream=True)
    upstream.failures = 0
    assert answer.status_code == 200
    assert "event: error" in answer.text
    spans = collector.trace_of(GENERATIONS, trace)
    assert {span.attributes["error.type"] for span in named(spans, CALL)} == {"3040"}
    assert len(named(spans, CALL)) > 2
    for name in (GENERATIONS, "backend"):
        assert [(span.failed, span.attributes["error.type"]) for span in named(spans, name)] == [(True, "overloaded")]


def test_the_names_of_images_and_requests_of_monitoring_are_not_in_traces(origin: str, collector: Collector) -> None:
    url = generate(origin, response_format="url").json()["data"][0]["url"]
    for address in (f"{origin}/health", f"{origin}/ready", f"{origin}/metrics", url):
        assert requests.get(address, timeout=LONGEST).status_code == 200
    (span,) = collector.trace_of("GET /images/{key}")
    assert span.attributes["url.path"] == "/images/{key}"
    assert not [
        span for span in collector.spans if span.attributes.get("url.path") in {"/health", "/ready", "/metrics"}
    ]


def test_the_path_of_a_request_that_no_route_took_is_not_in_its_span(origin: str, collector: Collector) -> None:
    url = generate(origin, response_format="url").json()["data"][0]["url"]
    trace = "5cf92f3577b34da6a3ce929d0e0e4701"
    assert requests.options(url, headers=traceparent(trace), timeout=LONGEST).status_code == 204
    (span,) = collector.trace_of("OPTIONS", trace)
    assert "http.route" not in span.attributes
    assert not [value for value in span.attributes.values() if url.rpartition("/")[2] in str(value)]


def test_mcp_over_http(origin: str, collector: Collector) -> None:
    """Every call of a session has a trace of its own: that of the call's ``_meta``, else of its HTTP request."""
    session = Session(origin, "2025-11-25")
    http, meta = "abf92f3577b34da6a3ce929d0e0e4736", "bbf92f3577b34da6a3ce929d0e0e4736"
    session.post(call(2, "run_model", prompt=PROMPT, model=KLEIN, size="256x256"), **traceparent(http))
    message = call(3, "run_model", prompt=PROMPT, model=KLEIN, size="256x256")
    message["params"]["_meta"] = traceparent(meta)
    session.post(message)
    of_tool = {"tools/call run_model": {"job"}, "job": {"backend", "finish", "store"}, "backend": {CALL}}
    spans = collector.trace_of("POST /mcp", http)
    assert tree(spans) == {"": {"POST /mcp"}, "POST /mcp": {"tools/call run_model"}, **of_tool}
    spans = collector.trace_of("tools/call run_model", meta)
    assert tree(spans) == {"": {"tools/call run_model"}, **of_tool}
    (tool,) = named(spans, "tools/call run_model")
    assert (tool.parent, tool.attributes["mcp.method.name"]) == (CALLER, "tools/call")


def test_mcp_on_stdio(upstream: Upstream, collector: Collector, tmp_path: Path) -> None:
    """The last spans are sent when the process ends."""
    trace = "cbf92f3577b34da6a3ce929d0e0e4736"
    message = call(2, "run_model", prompt=PROMPT, model=KLEIN, size="256x256")
    message["params"]["_meta"] = traceparent(trace)
    environ = settings(upstream, collector.endpoint, OTEL_BSP_SCHEDULE_DELAY="3600000")
    found, _ = answers(Command(tmp_path, tmp_path), 2, json.dumps(message), **environ)
    assert found[1]["result"]["structuredContent"]["status"] == "completed"
    spans = collector.trace_of("tools/call run_model", trace)
    assert tree(spans) == {
        "": {"tools/call run_model"},
        "tools/call run_model": {"job"},
        "job": {"backend", "finish", "store"},
        "backend": {CALL},
    }


def test_the_command_line(upstream: Upstream, collector: Collector, tmp_path: Path) -> None:
    home = Home(tmp_path).set(**settings(upstream, collector.endpoint, OTEL_SERVICE_NAME="my laptop"))
    ran = home.run("generate", PROMPT, "--model", KLEIN, "--size", "256x256")
    assert ran.status == 0, ran.stderr
    root = "cloudflare-image-mcp generate"
    spans = collector.trace_of(root)
    assert tree(spans) == {"": {root}, root: {"backend", "finish"}, "backend": {CALL}}
    assert spans[0].resource["service.name"] == "my laptop"
    lines = [
        {
            "custom_id": str(n),
            "method": "POST",
            "url": "/v1/images/generations",
            "body": {"prompt": PROMPT, "model": KLEIN},
        }
        for n in range(2)
    ]
    (tmp_path / "requests.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert home.run("batch", "requests.jsonl", "-o", "out").status == 0
    batch = named(collector.spans, "cloudflare-image-mcp batch")
    assert len({span.trace for span in batch}) == 2
    assert {span.parent for span in batch} == {""}


def test_no_span_holds_a_prompt_an_account_or_a_token(origin: str, upstream: Upstream, collector: Collector) -> None:
    """Of this test, and of those before it."""
    trace = "ebf92f3577b34da6a3ce929d0e0e4736"
    upstream.failures = 1
    assert generate(origin, traceparent(trace), response_format="url").status_code == 200
    spans = collector.trace_of(GENERATIONS, trace)
    assert {span.name for span in spans} == {GENERATIONS, "backend", CALL, "finish", "store"}
    assert any(span.failed for span in named(spans, CALL))
    sent = b"".join(collector.bodies)
    for secret in (PROMPT, ACCOUNT, TOKEN):
        assert secret.encode() not in sent


def test_prompts_are_in_spans_where_they_are_in_the_log(
    upstream: Upstream, collector: Collector, tmp_path: Path
) -> None:
    environ = settings(upstream, collector.endpoint, LOG_PROMPTS="on", LOG_FORMAT="json")
    with serving(environ, tmp_path / "log") as origin:
        generate(origin)
        spans = collector.trace_of(GENERATIONS, **{"image.prompt": PROMPT})
    lines = [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines() if line.startswith("{")]
    assert [line["prompt"] for line in lines if line.get("trace_id") == spans[0].trace] == [PROMPT]


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
