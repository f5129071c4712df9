"""A Worker without the Images binding: its errors, and what works all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx2


@pytest.mark.parametrize("fields", [{"size": "512x512"}, {"output_format": "webp"}])
def test_what_needs_pixels_says_which_binding_is_missing(client: httpx2.Client, fields: dict[str, str]) -> None:
    answer = client.post("/v1/images/generations", json={"prompt": "a fox"} | fields)
    assert answer.status_code == 501
    error = answer.json()["error"]
    assert error["code"] == "not_supported_here"
    assert "Images binding" in error["message"]


def test_what_comes_as_it_is_wanted_needs_no_binding(client: httpx2.Client) -> None:
    fields = {"prompt": "a fox", "size": "1024x1024", "output_format": "png"}
    assert client.post("/v1/images/generations", json=fields).status_code == 200
