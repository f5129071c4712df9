"""Vercel's AI SDK 6 with @openrouter/ai-sdk-provider 2.10.0: chat with an image model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests import node
from tests.decoding import decoded, downloaded


@pytest.fixture(scope="module")
def results(server: str) -> dict[str, Any]:
    called: dict[str, Any] = node.run(Path(__file__).parent / "chat.mjs", f"{server}/v1")
    return called


@pytest.mark.parametrize("call", ["whole", "stream", "edit"])
def test_the_picture_arrives_as_a_file_and_as_markdown(call: str, results: dict[str, Any]) -> None:
    result = results[call]
    (file,) = result["files"]
    image = decoded(file["base64"])
    assert (image.size, f"image/{str(image.format).lower()}") == ((256, 256), file["type"])
    (url,) = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", result["text"])
    assert downloaded(url).tobytes() == image.tobytes()
    assert result["finish"] == "stop"


def test_a_stream_gives_the_same_picture(results: dict[str, Any]) -> None:
    whole, stream, edit = (decoded(results[call]["files"][0]["base64"]) for call in ("whole", "stream", "edit"))
    assert stream.tobytes() == whole.tobytes() != edit.tobytes()


def test_the_reason_of_a_refusal_reaches_the_caller(results: dict[str, Any]) -> None:
    assert results["refused"]["status"] == 404
    assert '"gpt-4o" does not exist' in results["refused"]["error"]
