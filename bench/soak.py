"""Runs the gateway for minutes over an upstream that fails one call in ten, and shows whether it stays the same.

    python bench/soak.py                                   30 requests a second for 10 minutes
    python bench/soak.py --minutes 2 --rate 10

The gateway is the installed command in a process of its own, with named keys, limits in SQLite, metrics, and files that
expire; behind it is the emulator. ``clients/mixed.py`` sends requests of every kind and compares each status with the
expected one. A row of the table each 30 seconds; at the end a line for each verdict, and the exit code 1 where one is
not met. Everything is on the loopback address, and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, quantiles
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import psutil
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parents[1]))
from clients.mixed import MixedClient
from tests.live import command, workers_ai_at
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clients.answers import Tally

FAULTS: Final = "3040:0.02,3043:0.02,3007:0.01,3046:0.01,drop:0.01,cut:0.01,truncate:0.01,empty:0.005,slow=300ms:0.005"
"""One call in ten."""
PER_MINUTE: Final = 60
"""Requests a minute of the key ``metered``, which asks for more."""
PER_DAY: Final = 200
"""Images a day of the key ``budgeted``, likewise."""
NEVER: Final = 10**9
"""Limits that are counted and never reached."""
LIMITS: Final[dict[str, dict[str, Any]]] = {
    "team": {"requests_per_minute": NEVER, "images_per_day": NEVER, "neurons_per_day": NEVER, "usd_per_day": NEVER},
    "metered": {"requests_per_minute": PER_MINUTE},
    "budgeted": {"images_per_day": PER_DAY},
    "narrow": {"models": ["flux-2-*"]},
    "admin": {"admin": "true"},
}
IMAGE_LIFE: Final = 180.0
"""Seconds."""
MOST_AT_ONCE: Final = 400
"""Requests under way; what would be more is not sent, and fails the run."""
ROW_EVERY: Final = 30.0
SAMPLE_EVERY: Final = 2.0
MOST_SHOWN: Final = 20
"""Wrong answers and lost requests that are printed."""
QUIET: Final = 20.0
"""Seconds without requests before handles are counted: idle connections to the upstream are closed after 15."""
STEEPEST: Final = 1.0
"""MB of resident memory a minute, over the second half, once the caches are full."""
CACHES_FULL: Final = 240.0
"""Seconds: so long the jobs that are kept in memory, and the like, become more. A shorter run does not judge memory."""
MORE_HANDLES: Final = 4
"""File descriptors that may be open at the end beyond those at the start: threads and logs come and go."""
HANDED_ON_SHARE: Final = 1 / 2000
"""Of all requests: failures of the upstream that five tries did not mend; 1 image in 100,000 is expected."""


@dataclass(frozen=True, slots=True)
class Sample:
    seconds: float
    resident: float
    """MB."""
    handles: int


class Watched:
    """The gateway's process."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    @property
    def cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def sample(self, began: float) -> Sample:
        resident = self._process.memory_info().rss / 1e6
        return Sample(time.monotonic() - began, resident, self._process.num_fds())


def write_keys(file: Path) -> dict[str, str]:
    """Writes ``API_KEYS_FILE``. Returns the keys by name."""
    keys = {name: f"sk-soak-{name}" for name in LIMITS}
    lines = []
    for name, limits in LIMITS.items():
        lines += [f"[keys.{name}]", f'sha256 = "{hashlib.sha256(keys[name].encode()).hexdigest()}"']
        lines += [f"{field} = {value}" for field, value in limits.items()]
    file.write_text("\n".join(lines), "utf-8")
    return keys


@contextmanager
def emulator() -> Iterator[str]:
    port = free_port()
    script = Path(__file__).with_name("servers") / "emulator.py"
    process = subprocess.Popen([sys.executable, str(script), "--port", str(port), "--faults", FAULTS])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


async def load(client: MixedClient, rate: float, seconds: float) -> int:
    """Sends ``rate`` requests a second, whether or not the former ones are answered. Returns how many were not sent."""
    begun, under_way, unsent = time.monotonic(), set[asyncio.Task[None]](), 0
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        if len(under_way) >= MOST_AT_ONCE:
            unsent += 1
            continue
        task = asyncio.create_task(client.send_one())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        await asyncio.wait(under_way)
    return unsent


async def watch(process: Watched, client: MixedClient, samples: list[Sample], began: float) -> None:
    """Takes samples, and prints a row of the table at intervals, until it is cancelled."""
    tally, cpu, answered, next_row, shown = client.tally, process.cpu, len(client.tally.seconds), ROW_EVERY, 0
    print("seconds  requests  wrong  lost  resident MB  handles  CPU ms/request  p50 ms  p99 ms", flush=True)
    while True:
        await asyncio.sleep(SAMPLE_EVERY)
        samples.append(now := process.sample(began))
        for text in tally.problems[shown:MOST_SHOWN]:
            print("  ", text, flush=True)
            shown += 1
        if now.seconds < next_row:
            continue
        next_row += ROW_EVERY
        recent, answered = tally.seconds[answered:], len(tally.seconds)
        used, cpu = process.cpu - cpu, process.cpu
        cuts = quantiles(recent, n=100) if len(recent) > 1 else [0.0] * 99
        print(
            f"{now.seconds:7.0f}  {answered:8}  {tally.wrong:5}  {tally.lost:4}  {now.resident:11.1f}"
            f"  {now.handles:7}  {used / max(1, len(recent)) * 1000:14.2f}  {cuts[49] * 1000:6.0f}"
            f"  {cuts[98] * 1000:6.0f}",
            flush=True,
        )


async def read_metrics(client: MixedClient) -> Counter[str]:
    """The totals of ``/metrics`` by name; and, as ``failed``, the calls of the upstream that made no image."""
    totals: Counter[str] = Counter()
    text = (await client.request("GET", "/metrics", key="admin")).body.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            totals[sample.name] += int(sample.value)
            if sample.name == "image_upstream_calls_total" and sample.labels["code"]:
                totals["failed"] += int(sample.value)
    return totals


async def soak(
    process: Watched, port: int, keys: dict[str, str], *, rate: float, seconds: float, only: list[str]
) -> bool:
    """Returns whether every verdict is met."""
    samples: list[Sample] = []
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = MixedClient(session, port, keys, image_life=IMAGE_LIFE, only=only)
        # Imports, threads, databases and caches of a first use.
        unsent = await load(client, rate, ROW_EVERY)
        await asyncio.sleep(QUIET)
        began, first = time.monotonic(), process.sample(0)
        cpu, answered = process.cpu, len(client.tally.seconds)
        watching = asyncio.create_task(watch(process, client, samples, began))
        unsent += await load(client, rate, seconds)
        watching.cancel()
        cpu = (process.cpu - cpu) / (len(client.tally.seconds) - answered) * 1000
        await asyncio.sleep(QUIET)
        last = process.sample(began)
        totals = await read_metrics(client)
    describe(client.tally, totals, cpu)
    verdicts = verdicts_on_answers(client.tally, totals, unsent, last.seconds + ROW_EVERY + QUIET)
    verdicts |= verdicts_on_process(samples, first, last)
    for text, met in verdicts.items():
        print(f"{'ok    ' if met else 'FAILED'}  {text}")
    return all(verdicts.values())


def describe(tally: Tally, totals: Counter[str], cpu: float) -> None:
    """``cpu``: milliseconds a request."""
    calls, cuts = totals["image_upstream_calls_total"], quantiles(tally.seconds, n=100)
    print("\nstatuses:", ", ".join(f"{count} x {status}" for status, count in sorted(tally.statuses.items())))
    print("kinds:", ", ".join(f"{count} {kind}" for kind, count in tally.kinds.most_common()))
    print(f"{tally.images} images; {calls} calls of the upstream, {totals['failed'] / calls:.1%} failed")
    print(f"{cpu:.2f} ms CPU a request; median {cuts[49] * 1000:.0f} ms, 99th percentile {cuts[98] * 1000:.0f} ms")


def verdicts_on_answers(tally: Tally, totals: Counter[str], unsent: int, seconds: float) -> dict[str, bool]:
    """Each sentence, and whether it is as it has to be."""
    answered, counted = len(tally.seconds), totals["image_requests_total"]
    metered, budgeted = tally.admitted["metered"], tally.admitted["budgeted"]
    a_minute, a_day = PER_MINUTE * math.ceil(seconds / 60), PER_DAY
    return {
        f"wrong answers: {tally.wrong} of {answered}": not tally.wrong,
        f"requests lost: {tally.lost}, not sent in time: {unsent}": not tally.lost and not unsent,
        f"requests for images: {tally.requests_for_images} sent, {counted} counted by the gateway": (
            counted == tally.requests_for_images
        ),
        f"failures of the upstream handed on: {tally.handed_on}": tally.handed_on <= max(3, answered * HANDED_ON_SHARE),
        f"requests of the limited keys: {metered} of at most {a_minute} (by the minute), {budgeted} of at most {a_day} "
        "(by the day)": metered <= a_minute and budgeted <= a_day,
    }


def verdicts_on_process(samples: list[Sample], first: Sample, last: Sample) -> dict[str, bool]:
    """Likewise. ``first`` and ``last`` are of the process at rest, before and after the load."""
    half = [sample for sample in samples if sample.seconds >= samples[-1].seconds / 2]
    full = half[0].seconds >= CACHES_FULL
    slope = linear_regression([sample.seconds / 60 for sample in half], [sample.resident for sample in half]).slope
    return {
        f"resident memory: {slope:+.2f} MB a minute over the second half; at rest {first.resident:.0f} MB before and "
        f"{last.resident:.0f} MB after the load{'' if full else ' (too short a run to judge)'}": slope <= STEEPEST
        or not full,
        f"file descriptors at rest: {first.handles} before and {last.handles} after the load": (
            last.handles <= first.handles + MORE_HANDLES
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the measured part; a warm-up comes before it")
    parser.add_argument("--rate", type=float, default=30.0, help="requests a second")
    parser.add_argument(
        "--only", default="", metavar="KINDS", help='to find a leak: "MCP,job"; the totals list all kinds'
    )
    options = parser.parse_args()
    if not 1 <= options.minutes <= 240 or not 1 <= options.rate <= 200:
        parser.error("--minutes is 1 to 240, --rate 1 to 200")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are ended, too
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keys, port, log = write_keys(folder / "keys.toml"), free_port(), folder / "log"
        environ = workers_ai_at(
            stack.enter_context(emulator()),
            IMAGE_STORAGE_URL=(folder / "images").as_uri(),
            IMAGE_EXPIRY_HOURS=str(IMAGE_LIFE / 3600),
            NEURON_LEDGER_URL=(folder / "neurons").as_uri(),
            API_KEYS_FILE=str(folder / "keys.toml"),
            HOME=str(folder),
        )
        process = stack.enter_context(command(port, environ, log))
        only = [kind.strip() for kind in options.only.split(",") if kind.strip()]
        seconds = options.minutes * 60
        met = asyncio.run(soak(Watched(process.pid), port, keys, rate=options.rate, seconds=seconds, only=only))
        tracebacks = log.read_text("utf-8").count("Traceback")
        print(f"{'FAILED' if tracebacks else 'ok    '}  tracebacks in the log of the gateway: {tracebacks}")
    raise SystemExit(0 if met and not tracebacks else 1)


if __name__ == "__main__":
    main()
