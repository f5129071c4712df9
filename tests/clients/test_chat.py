"""Chat with an image model by LangChain's ChatOpenAI (langchain-openai) and by LiteLLM's own package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import agents
from tests.decoding import decoded, downloaded
from tests.docs.test_blocks import block_of
from tests.live import gateway

if TYPE_CHECKING:
    from PIL import Image


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with gateway(tmp_path_factory.mktemp("images")) as server:
        models = block_of("clients.md", "model_list:").replace("http://localhost:3000", server)
        results = agents.run(Path(__file__).with_name("chat.py"), {"url": f"{server}/v1", "models": models})
        results["model pictures"] = [downloaded(url) for url in results["models"]]
        shown = [results["langchain"][name] for name in ("whole", "stream", "edit")]
        results["pictures"] = [linked(text) for text in shown]
        results["litellm pictures"] = [linked(results["litellm"][name]["text"]) for name in ("whole", "stream")]
        return results


def linked(markdown: str) -> Image.Image:
    """The one picture that the text shows."""
    (url,) = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", markdown)
    return downloaded(url)


def test_langchain_shows_the_picture(results: dict[str, Any]) -> None:
    whole, stream, edit = results["pictures"]
    assert whole.size == edit.size == (256, 256)
    assert stream.tobytes() == whole.tobytes() != edit.tobytes()
    assert '"gpt-4o" does not exist' in results["langchain"]["refused"].replace("\\", "")


def test_litellm_hands_on_the_picture(results: dict[str, Any]) -> None:
    for name, image in zip(("whole", "stream"), results["litellm pictures"], strict=True):
        (url,) = results["litellm"][name]["images"]
        assert decoded(url.partition(",")[2]).tobytes() == image.tobytes()
        assert image.size == (256, 256)
    assert '"gpt-4o" does not exist' in results["litellm"]["refused"].replace("\\", "")


def test_litellm_s_router_takes_the_list_of_the_page(results: dict[str, Any]) -> None:
    (image,) = results["model pictures"]
    assert image.size == (1024, 1024)
