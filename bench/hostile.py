"""Peak memory of a server and how long ``/health`` waits while hostile requests are sent to it.

    python bench/hostile.py

Each request is sent alone, then four times at once, to one server process with the embedded engine.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

import psutil
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

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


ROWS: Final[dict[str, Callable[[], tuple[str, dict[str, str], bytes]]]] = {
    "/mcp, 60 MB of empty lists": nested_mcp,
    "half a character": half_a_character,
    "1.9 million keys": many_keys,
    "60 MB of %41": percent,
    "49 MB of base64": long_base64,
    "edit, two PNGs of 6300 x 6300": edit_with_large_pngs,
}


class Watch:
    """Peak resident memory, and the longest wait for ``/health``, while it is entered."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self._process = process
        self._port = port
        self._over = threading.Event()
        self.peak = 0
        self.wait = 0.0

    def __enter__(self) -> Watch:
        self._threads = [threading.Thread(target=target) for target in (self._memory, self._health)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _memory(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def _health(self) -> None:
        while not self._over.wait(0.02):
            begun = time.monotonic()
            with urlopen(f"http://127.0.0.1:{self._port}/health", timeout=120):
                self.wait = max(self.wait, time.monotonic() - begun)


def send(port: int, path: str, headers: dict[str, str], body: bytes) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environ = os.environ | {"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": "memory:", "LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "cloudflare_image_mcp", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environ) as server:
        try:
            while True:
                try:
                    urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            process = psutil.Process(server.pid)
            for name, make in ROWS.items():
                path, headers, body = make()
                for count in (1, 4):
                    with Watch(process, port) as watch, ThreadPoolExecutor(count) as pool:
                        asked = [pool.submit(send, port, path, headers, body) for _ in range(count)]
                        statuses = sorted(future.result() for future in asked)
                    print(
                        f"{name:<30} {count} at once  {' '.join(map(str, statuses)):<16}"
                        f" peak {watch.peak / MIB:4.0f} MiB  /health {watch.wait:.2f} s",
                        flush=True,
                    )
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
