"""SillyTavern's stable-diffusion.cpp source: what of it this gateway answers, and what it does not."""

from __future__ import annotations

import requests

from tests.waiting import LONGEST


def test_its_ping(server: str) -> None:
    """It asks with OPTIONS whether the server is there; any 2xx will do."""
    answer = requests.options(f"{server}/v1/images/generations", timeout=LONGEST)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"


def test_its_model_list(server: str) -> None:
    models = requests.get(f"{server}/v1/models", timeout=LONGEST).json()["data"]
    assert all(isinstance(model["id"], str) and model["id"] for model in models)


def test_it_cannot_draw_here(server: str) -> None:
    """Pictures it asks of AUTOMATIC1111's API, which is another one: docs/clients.md says so."""
    answer = requests.post(f"{server}/sdapi/v1/txt2img", json={"prompt": "a fox"}, timeout=LONGEST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
