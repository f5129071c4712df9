"""CPU time, requests a second and memory of the gateway on the image route, beside two other gateways.

    python bench/gateway.py                   this gateway
    python bench/gateway.py --beside          also LiteLLM's proxy and Portkey's gateway, installed into .cache/bench
    python bench/gateway.py --beside portkey  one of the two alone
    python bench/gateway.py --limits          this gateway without keys, and with a named key with four limits, by turns
    python bench/gateway.py --tracing         this gateway without traces, and with a trace of each request, by turns

Every gateway is one process that checks a key and keeps no database; behind it is the same bare upstream
(``bench/servers/upstream.py``), which answers at once with an image of 1 KB or 1 MB. wrk (a Debian package) asks for
``b64_json`` on 16 connections. CPU time is user and system of the gateway's process tree, from /proc, divided by the
requests that wrk completed: it depends less on what else the machine does than latencies. The gateways take turns of
two seconds, so that all see the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parent / ".cache" / "bench"
UPSTREAM: Final = 9100
PORT: Final = 9110
COLLECTOR: Final = 9120
KEY: Final = "sk-bench-1234"
ROUNDS: Final = 5
SIZES: Final = {"1 KB": 1024, "1 MB": 1_048_576}
PATH: Final = "/v1/images/generations"
SCHNELL: Final = "@cf/black-forest-labs/flux-1-schnell"
LITELLM: Final = "litellm[proxy]==1.106.2"
PORTKEY: Final = "@portkey-ai/gateway@1.15.2"


@dataclass(frozen=True)
class Contender:
    """A gateway: how it is started for one image size, and what is asked of it."""

    name: str
    command: list[str]
    body: str
    headers: dict[str, str]
    environ: dict[str, str] = field(default_factory=dict)
    port: int = PORT


def ours(length: int) -> Contender:
    environ = {
        "CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{UPSTREAM}/bytes-{length}/client/v4",
        "CLOUDFLARE_ACCOUNT_ID": "bench",
        "CLOUDFLARE_API_TOKEN": "bench",
        # Files: wrk hangs up on the last requests of each round, and what was paid for is stored.
        "IMAGE_STORAGE_URL": (CACHE / "images").as_uri(),
        "NEURON_LEDGER_URL": (CACHE / "neurons").as_uri(),
        "API_KEYS": KEY,
    }
    body = f'{{"model":"{SCHNELL}","prompt":"a lighthouse","response_format":"b64_json"}}'
    command = [sys.executable, "-m", "cloudflare_image_mcp", "serve", "--port", str(PORT)]
    return Contender("this gateway", command, body, {"Authorization": f"Bearer {KEY}"}, environ)


def limited(length: int) -> Contender:
    """With a key of ``API_KEYS_FILE`` whose four limits are counted in SQLite, and are never reached."""
    plain = ours(length)
    limits = {"requests_per_minute": 10**9, "images_per_day": 10**9, "neurons_per_day": 1e12, "usd_per_day": 1e9}
    fields = [f"{name} = {value:.0f}" for name, value in limits.items()]
    file = CACHE / "keys.toml"
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    file.write_text("\n".join(["[keys.bench]", f'sha256 = "{digest}"', *fields]), "utf-8")
    environ = {name: value for name, value in plain.environ.items() if name != "API_KEYS"}
    environ["API_KEYS_FILE"] = str(file)
    return replace(plain, name="with limits", environ=environ, port=PORT + 1)


def unlimited(length: int) -> Contender:
    """Without any key."""
    plain = ours(length)
    environ = {name: value for name, value in plain.environ.items() if name != "API_KEYS"}
    return replace(plain, name="without keys", environ=environ, headers={})


def traced(length: int) -> Contender:
    """Without any key, every request a trace that is sent to a collector, ``bench/servers/collector.py``."""
    plain = unlimited(length)
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{COLLECTOR}"}
    return replace(plain, name="with traces", environ=plain.environ | endpoint, port=PORT + 1)


def litellm(length: int) -> Contender:
    config = CACHE / f"litellm-{length}.yaml"
    config.write_text(
        "model_list:\n"
        "  - model_name: image\n"
        "    model_info: {mode: image_generation}\n"
        "    litellm_params:\n"
        "      model: openai/dall-e-3\n"
        "      api_key: bench\n"
        f"      api_base: http://127.0.0.1:{UPSTREAM}/bytes-{length}/v1\n"
        f"general_settings: {{master_key: {KEY}}}\n"
        "litellm_settings: {telemetry: false}\n",
        "utf-8",
    )
    litellm, port = str(CACHE / "litellm/bin/litellm"), PORT + 1
    command = [litellm, "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    body = '{"model":"image","prompt":"a lighthouse","response_format":"b64_json"}'
    return Contender("LiteLLM", command, body, {"Authorization": f"Bearer {KEY}"}, {"LITELLM_LOG": "ERROR"}, port)


def portkey(length: int) -> Contender:
    script = CACHE / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
    headers = {
        "Authorization": "Bearer bench",
        "x-portkey-provider": "workers-ai",
        "x-portkey-workers-ai-account-id": "bench",
        "x-portkey-custom-host": f"http://127.0.0.1:{UPSTREAM}/bytes-{length}/client/v4/accounts/bench/ai/run",
    }
    body = f'{{"model":"{SCHNELL}","prompt":"a lighthouse","response_format":"b64_json"}}'
    port = PORT + 2
    return Contender("Portkey", ["node", str(script), f"--port={port}", "--headless"], body, headers, port=port)


OTHERS: Final = {"litellm": litellm, "portkey": portkey}


def install(others: list[str]) -> None:
    """Into ``.cache/bench``, once. They never share an environment with this project."""
    if "litellm" in others and not (CACHE / "litellm/bin/litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", CACHE / "litellm"], check=True)
        subprocess.run([CACHE / "litellm/bin/pip", "install", "-qq", LITELLM], check=True)
    if "portkey" in others and not (CACHE / "portkey/node_modules").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", CACHE / "portkey", PORTKEY], check=True)


@contextmanager
def started(command: list[str], environ: dict[str, str]) -> Iterator[psutil.Process]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=os.environ | environ, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
            process.terminate()
            process.wait()


def answer_length(contender: Contender) -> int:
    """Waits until the gateway answers with an image. Its length in base64."""
    headers = contender.headers | {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{contender.port}{PATH}", contender.body.encode(), headers)
    end = time.monotonic() + 120
    while True:
        try:
            with urlopen(request, timeout=10) as answer:
                found = re.search(rb'"b64_json": ?"([^"]*)"', answer.read())
            return len(found[1]) if found else 0
        except (URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    return sum(part.cpu_times().user + part.cpu_times().system for part in tree(process))


def resident_mb(process: psutil.Process) -> float:
    return float(sum(part.memory_info().rss for part in tree(process)) / 1e6)


def wrk(contender: Contender, seconds: int) -> tuple[int, float, int]:
    """Requests completed, requests a second, and answers that were no 200."""
    headers = contender.headers | {"Content-Type": "application/json"}
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    script = CACHE / "wrk.lua"
    script.write_text("\n".join(['wrk.method = "POST"', f"wrk.body = [[{contender.body}]]", *lines]), "utf-8")
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    command.append(f"http://127.0.0.1:{contender.port}{PATH}")
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done, rate = re.search(r"(\d+) requests in", text), re.search(r"Requests/sec: *([\d.]+)", text)
    assert done is not None
    assert rate is not None
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return int(done[1]), float(rate[1]), int(bad[1]) if bad else 0


@dataclass
class Measured:
    """What the rounds of one gateway added up to."""

    contender: Contender
    process: psutil.Process
    length: int
    resident: list[float]
    cpu: float = 0.0
    requests: int = 0
    failed: int = 0
    rate: float = 0.0

    @property
    def milliseconds(self) -> float:
        """CPU time a request."""
        return self.cpu / self.requests * 1000

    def measure_round(self, seconds: int) -> None:
        cpu = cpu_seconds(self.process)
        done, rate, failed = wrk(self.contender, seconds)
        self.cpu += cpu_seconds(self.process) - cpu
        self.requests += done
        self.failed += failed
        self.rate += rate / ROUNDS
        self.resident.append(resident_mb(self.process))


def measure(contenders: list[Contender], size: str, seconds: int) -> None:
    """Measures the gateways, the first one being ours, by turns."""
    with ExitStack() as stack:
        rows = []
        for contender in contenders:
            process = stack.enter_context(started(contender.command, contender.environ))
            length = answer_length(contender)
            wrk(contender, 2)
            rows.append(Measured(contender, process, length, [resident_mb(process)]))
        for turn in range(ROUNDS):
            for row in rows if turn % 2 else reversed(rows):
                row.measure_round(max(1, seconds // ROUNDS))
    for row in rows:
        ratio = "" if row is rows[0] else f"  (ours: {rows[0].milliseconds / row.milliseconds:.3f} of it)"
        print(
            f"{row.contender.name:<13} {size}  {row.milliseconds:6.3f} ms CPU a request{ratio}"
            f"  {row.rate:5.0f} requests/s"
            f"  {' '.join(f'{mb:.0f}' for mb in row.resident)} MB resident over {row.requests} requests"
            f"  ({row.failed} failed, {row.length} characters)",
            flush=True,
        )


def compare(other: Callable[[int], Contender], size: str, length: int, seconds: int) -> None:
    """Measures the gateway without keys and another one, in turns of a second, so that both see the same machine. The
    figures are medians of the turns, because other work on the machine spoils some of them.
    """
    both = [unlimited(length), other(length)]
    with ExitStack() as stack:
        processes = []
        for contender in both:
            command = [*contender.command[:-1], str(contender.port)]
            processes.append(stack.enter_context(started(command, contender.environ)))
            answer_length(contender)
            wrk(contender, 2)
        milliseconds: tuple[list[float], list[float]] = [], []
        requests = [0, 0]
        for turn in range(2 * seconds):
            for number in (0, 1) if turn % 2 else (1, 0):
                contender = both[number]
                before = cpu_seconds(processes[number])
                done, _, bad = wrk(contender, 1)
                assert bad == 0
                milliseconds[number].append((cpu_seconds(processes[number]) - before) / done * 1000)
                requests[number] += done
    (low, plain, high), (least, more, most) = (statistics.quantiles(turns, n=4) for turns in milliseconds)
    print(
        f"{size}  {plain:.3f} ms CPU a request {both[0].name}, {more:.3f} {both[1].name}:"
        f" {(more / plain - 1) * 100:+.1f} %"
        f"  (half of the turns {low:.3f} to {high:.3f} and {least:.3f} to {most:.3f};"
        f" {requests[0]} and {requests[1]} requests)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--beside", nargs="*", choices=OTHERS, metavar="NAME", help="measure LiteLLM and Portkey too, or the ones named"
    )
    parser.add_argument("--limits", action="store_true", help="measure what keys with limits cost, and nothing else")
    parser.add_argument("--tracing", action="store_true", help="measure what traces cost, and nothing else")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("bench/gateway.py needs wrk: apt-get install wrk")
    CACHE.mkdir(parents=True, exist_ok=True)
    # Images of earlier runs would be looked through: 42,000 took 6 MB and a twentieth of the CPU time.
    shutil.rmtree(CACHE / "images", ignore_errors=True)
    others = [] if options.beside is None else options.beside or list(OTHERS)
    install(others)
    with started([sys.executable, str(HERE / "servers/upstream.py"), "--port", str(UPSTREAM)], {}):
        if options.limits:
            for size, length in SIZES.items():
                compare(limited, size, length, options.seconds)
            return
        if options.tracing:
            with started([sys.executable, str(HERE / "servers/collector.py"), "--port", str(COLLECTOR)], {}):
                compare(traced, "1 KB", SIZES["1 KB"], options.seconds)
            return
        for size, length in SIZES.items():
            measure([ours(length), *(OTHERS[name](length) for name in others)], size, options.seconds)


if __name__ == "__main__":
    main()
