"""Peak memory of a server and how long ``/health`` waits while hostile requests are sent to it.

    python bench/hostile.py

Each request is sent alone, then four times at once, to one server process with the embedded engine; the one that names
images by URL is sent thirty times at once, too. Memory and ``/health`` are watched from a process of their own.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

import psutil
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Event

MIB: Final = 1024 * 1024
JSON: Final = {"Content-Type": "application/json"}
BOUNDARY: Final = "hostile"


def edit_with_large_pngs() -> tuple[str, dict[str, str], bytes]:
    data = io.BytesIO()
    Image.new("RGBA", (6300, 6300), (200, 30, 30, 128)).save(data, "PNG", compress_level=9)
    parts = [b'--hostile\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na red fox\r\n']
    parts += [
        b'--hostile\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + data.getvalue() + b"\r\n"
    ] * 2
    body = b"".join([*parts, b"--hostile--\r\n"])
    return "/v1/images/edits", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body


def nested_mcp() -> tuple[str, dict[str, str], bytes]:
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"x":[' + b"[]," * (20 * MIB) + b"[]]}}"
    return "/mcp", JSON | {"Accept": "application/json, text/event-stream"}, body


def half_a_character() -> tuple[str, dict[str, str], bytes]:
    return "/v1/images/generations", JSON, b'{"prompt":"x","n":"\\ud800"}'


def many_keys() -> tuple[str, dict[str, str], bytes]:
    return "/v1/images/generations", JSON, json.dumps({f"k{n}": 0 for n in range(1_900_000)}).encode()


def percent() -> tuple[str, dict[str, str], bytes]:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return "/v1/images/generations", form, b"prompt=" + b"%41" * (20 * MIB)


def long_base64() -> tuple[str, dict[str, str], bytes]:
    data = random.Random(1).randbytes(1024).hex().encode() * (26 * 1024)
    return "/v1/images/edits", JSON, b'{"prompt":"x","image":"' + data[: 49 * MIB] + b'"}'


def percent_data_url() -> tuple[str, dict[str, str], bytes]:
    return "/v1/images/edits", JSON, b'{"prompt":"x","image":"data:,' + b"%41" * (20 * MIB) + b'"}'


def sound_base64() -> tuple[str, dict[str, str], bytes]:
    """Two images of 22 MB, as large as fits into a body."""
    image = b64encode(noise(2760)).decode()
    return "/v1/images/edits", JSON, json.dumps({"prompt": "x", "size": "256x256", "image": [image, image]}).encode()


def markdown() -> tuple[str, dict[str, str], bytes]:
    messages = [{"role": "assistant", "content": "![" * (8 * MIB)}, {"role": "user", "content": "x"}]
    return "/v1/chat/completions", JSON, json.dumps({"messages": messages, "size": "256x256"}).encode()


def slashes() -> tuple[str, dict[str, str], bytes]:
    answered = {"role": "assistant", "content": "![x](https://example.com/x.png)"}
    messages = [answered, {"role": "user", "content": "x"}]
    return "/v1/chat/completions", JSON, json.dumps({"model": "/" * (8 * MIB), "messages": messages}).encode()


def named_images(origin: str) -> tuple[str, dict[str, str], bytes]:
    images = [f"{origin}/{number}.png" for number in range(2)]
    return "/v1/images/edits", JSON, json.dumps({"prompt": "x", "size": "256x256", "image": images}).encode()


def noise(side: int) -> bytes:
    """A PNG that does not compress, of about ``3 * side * side`` bytes."""
    data = io.BytesIO()
    Image.frombytes("RGB", (side, side), random.Random(1).randbytes(3 * side * side)).save(data, "PNG")
    return data.getvalue()


@contextmanager
def image_host() -> Iterator[str]:
    """Serves two PNGs of almost 25 MiB on this machine; yields the origin."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2):
            Path(folder, f"{number}.png").write_bytes(noise(2930))
        port = free_port()
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as host:
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                host.terminate()


ROWS: Final[dict[str, Callable[[], tuple[str, dict[str, str], bytes]]]] = {
    "/mcp, 60 MB of empty lists": nested_mcp,
    "half a character": half_a_character,
    "1.9 million keys": many_keys,
    "60 MB of %41": percent,
    "49 MB of base64": long_base64,
    "60 MB of %41 in a data URL": percent_data_url,
    "two images of 22 MB in base64": sound_base64,
    "chat, 8 million ![": markdown,
    "chat, model of 8 million /": slashes,
    "edit, two PNGs of 6300 x 6300": edit_with_large_pngs,
}


def watch(pid: int, port: int, over: Event, seen: Queue[tuple[int, float]]) -> None:
    """Puts the peak of resident memory, in bytes, and the longest wait for ``/health``, in seconds, until ``over``."""
    process = psutil.Process(pid)
    peak = 0
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(longest_wait, port, over)
        while not over.wait(0.005):
            peak = max(peak, process.memory_info().rss)
        seen.put((peak, waited.result()))


def longest_wait(port: int, over: Event) -> float:
    longest = 0.0
    while not over.wait(0.02):
        begun = time.monotonic()
        health(port)
        longest = max(longest, time.monotonic() - begun)
    return longest


def health(port: int) -> None:
    with urlopen(f"http://127.0.0.1:{port}/health", timeout=120):
        pass


def send(port: int, path: str, headers: dict[str, str], body: bytes) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def measure(
    name: str, count: int, process: psutil.Process, port: int, request: tuple[str, dict[str, str], bytes]
) -> None:
    """Sends the request ``count`` times at once, and prints a line."""
    over = multiprocessing.Event()
    seen: Queue[tuple[int, float]] = multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch, args=(process.pid, port, over, seen))
    watcher.start()
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(send, port, *request) for _ in range(count)]
        statuses = [future.result() for future in asked]
    over.set()
    peak, wait = seen.get()
    watcher.join()
    counts = " ".join(f"{statuses.count(status)} x {status}" for status in sorted(set(statuses)))
    print(f"{name:<30} {count:2} at once  {counts:<18} peak {peak / MIB:4.0f} MiB  /health {wait:.2f} s", flush=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def main() -> None:
    port = free_port()
    environ = os.environ | {
        "IMAGE_BACKEND": "local",
        "IMAGE_STORAGE_URL": "memory:",
        "LOG_LEVEL": "error",
        "ALLOW_PRIVATE_IMAGE_URLS": "on",
    }
    command = [sys.executable, "-m", "cloudflare_image_mcp", "serve", "--port", str(port)]
    with image_host() as host, subprocess.Popen(command, env=environ) as server:
        try:
            while True:
                try:
                    health(port)
                    break
                except OSError:
                    time.sleep(0.1)
            process = psutil.Process(server.pid)
            for name, make in ROWS.items():
                request = make()
                for count in (1, 4):
                    measure(name, count, process, port, request)
            for count in (1, 4, 30):
                measure("edit, two 25 MB images by URL", count, process, port, named_images(host))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
