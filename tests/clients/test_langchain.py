"""LangChain's DALL-E wrapper itself (langchain-community): it reads ``data[].url`` and nothing else."""

from __future__ import annotations

import pytest
from langchain_community.utilities.dalle_image_generator import DallEAPIWrapper
from pydantic import SecretStr

from tests.decoding import downloaded, size

KEY = SecretStr("none")


@pytest.mark.parametrize("origin", ["server", "base64_server"])
def test_the_wrapper_as_it_comes(origin: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(origin)
    wrapper = DallEAPIWrapper(api_key=KEY, base_url=f"{server}/v1")
    assert size(downloaded(wrapper.run("a lighthouse in a storm"))) == "1024x1024"


def test_several_images_of_a_size_with_a_separator(server: str) -> None:
    wrapper = DallEAPIWrapper(
        api_key=KEY, base_url=f"{server}/v1", model="dall-e-3", n=2, size="256x256", quality="hd", separator=" | "
    )
    assert [size(downloaded(url)) for url in wrapper.run("a lighthouse in a storm").split(" | ")] == ["256x256"] * 2


def test_a_model_of_the_catalogue(server: str) -> None:
    wrapper = DallEAPIWrapper(api_key=KEY, base_url=f"{server}/v1", model="@cf/leonardo/phoenix-1.0", size="320x256")
    assert size(downloaded(wrapper.run("a lighthouse in a storm"))) == "320x256"
