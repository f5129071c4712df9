"""Traces of a gateway process, as an OTLP receiver gets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest
import requests

from tests.cli.commands import Home
from tests.mcp_server.conftest import Command
from tests.mcp_server.test_json_answers import Session, call
from tests.mcp_server.test_stdio import answers
from tests.rest.pictures import picture
from tests.usage.traced import (
    ACCOUNT,
    CALLER,
    GENERATIONS,
    KLEIN,
    PROMPT,
    TOKEN,
    Upstream,
    collector,
    generate,
    serving,
    settings,
    traceparent,
    upstream,
)
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector import Collector, Span

__all__ = ["collector", "upstream"]  # fixtures, found by their names


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="module")
def origin(upstream: Upstream, collector: Collector, log: Path) -> Iterator[str]:
    with serving(settings(upstream, collector.endpoint), log) as origin:
        yield origin


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


@pytest.mark.parametrize(("path", "name"), [("/v1/images/generations", "HTTP /v1/images/generations"), ("/x", "HTTP")])
def test_a_method_that_opentelemetry_does_not_know_is_not_in_the_name_of_a_span(
    origin: str, collector: Collector, path: str, name: str
) -> None:
    trace = f"5cf92f3577b34da6a3ce929d0e0e48{len(path):02}"
    answer = requests.request("PROPFIND", f"{origin}{path}", headers=traceparent(trace), timeout=60)
    assert answer.status_code in {404, 405}
    (span,) = collector.trace_of(name, trace)
    assert span.attributes["http.request.method"] == "_OTHER"
    assert span.attributes["http.request.method_original"] == "PROPFIND"


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
