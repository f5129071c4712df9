"""The Python runtime's memory never shrinks once it has grown, and 128 MB is all that a Worker gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    import httpx2

ROUNDS = 5
N = 8
MAX_HEAP = 64 * 1024 * 1024


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
def test_many_large_images_leave_the_memory_small(client: httpx2.Client, response_format: str) -> None:
    for _ in range(ROUNDS):
        fields = {"prompt": "a fox", "n": N, "response_format": response_format}
        answer = client.post("/v1/images/generations", json=fields)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) == N
        assert response_format == "url" or len(answer.content) > N * IMAGE_BYTES * 4 // 3
        # Asked afterwards, because a streamed answer's header is written before its body.
        assert int(client.get("/health").headers["x-wasm-heap"]) < MAX_HEAP
