"""The answers to calls: pictures that follow the parameters, in each model's own encoding, at its price."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import cloudflare
import numpy as np
import pytest
from PIL import Image

from cloudflare_image_mcp.catalog import models as catalogue
from tests.emulator.calling import (
    DREAMSHAPER,
    IMG2IMG,
    INPAINTING,
    KLEIN,
    LIGHTNING,
    PHOENIX,
    SCHNELL,
    SDXL,
    CurlAnswer,
    curl,
    emulating,
    run,
    run_form,
    run_json,
)

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"prompt": "a cat", "width": 256, "height": 256, "seed": 1}


def data_of(answer: CurlAnswer) -> bytes:
    assert answer.status == 200, answer.body[:300]
    if answer.body.startswith(b"{"):
        return base64.b64decode(answer.json["result"]["image"], validate=True)
    return answer.body


def pixels_of(answer: CurlAnswer) -> Any:
    return np.asarray(Image.open(io.BytesIO(data_of(answer))).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("model", "stated", "encoding", "size"),
    [
        (SCHNELL, "application/json", "JPEG", (1024, 1024)),
        (PHOENIX, "image/jpeg", "JPEG", (1024, 1024)),
        ("@cf/leonardo/lucid-origin", "application/json", "JPEG", (1120, 1120)),
        (SDXL, "image/png", "PNG", (1024, 1024)),
        (LIGHTNING, "image/png", "JPEG", (1024, 1024)),
        (DREAMSHAPER, "image/png", "PNG", (512, 512)),
    ],
)
def test_each_models_encoding_and_default_size(
    live: str, model: str, stated: str, encoding: str, size: tuple[int, int]
) -> None:
    answer = run_json(live, model, {"prompt": "a cat"})
    image = Image.open(io.BytesIO(data_of(answer)))
    assert (answer.headers["content-type"], image.format, image.size) == (stated, encoding, size)


def test_flux_2s_default_size_and_its_floor(live: str) -> None:
    default = Image.open(io.BytesIO(data_of(run_form(live, KLEIN, "prompt=x"))))
    floored = Image.open(io.BytesIO(data_of(run_form(live, KLEIN, "prompt=x", "width=1080", "height=300"))))
    assert (default.format, default.size, floored.size) == ("JPEG", (1024, 768), (1072, 288))


def test_documented_lightning_is_the_png_that_it_says(documented: str) -> None:
    answer = run_json(documented, LIGHTNING, SMALL)
    assert (answer.headers["content-type"], data_of(answer)[:4]) == ("image/png", b"\x89PNG")


@pytest.mark.parametrize(
    "change",
    [{"prompt": "a dog"}, {"seed": 2}, {"seed": 0}, {"width": 264}, {"num_steps": 5}],
    ids=str,
)
def test_every_parameter_shows_and_nothing_else_does(live: str, change: dict[str, Any]) -> None:
    first = data_of(run_json(live, SDXL, SMALL))
    assert data_of(run_json(live, SDXL, SMALL)) == first
    assert data_of(run_json(live, SDXL, SMALL | change)) != first


def test_a_model_without_a_seed_does_not_repeat_itself(live: str) -> None:
    answers = [data_of(run_json(live, SCHNELL, {"prompt": "a cat"})) for _ in range(2)]
    assert answers[0] != answers[1]


def test_strength_says_how_much_of_the_image_stays(documented: str, picture: bytes) -> None:
    source = np.asarray(Image.open(io.BytesIO(picture))).astype(int)

    def distance(strength: float) -> float:
        values = SMALL | {"image": list(picture), "strength": strength}
        return float(np.abs(pixels_of(run_json(documented, SDXL, values)) - source).mean())

    assert distance(0) == 0
    assert 0 < distance(0.3) < distance(1)


@pytest.mark.parametrize("model", [IMG2IMG, DREAMSHAPER, LIGHTNING, INPAINTING])
def test_documented_stable_diffusion_takes_an_image_and_a_mask(documented: str, picture: bytes, model: str) -> None:
    mask = io.BytesIO()
    Image.fromarray(np.kron([[255, 0]], np.ones((256, 128))).astype("uint8")).save(mask, "PNG")
    values = SMALL | {"image": list(picture), "mask": list(mask.getvalue()), "strength": 1}
    pixels = pixels_of(run_json(documented, model, values))
    source = np.asarray(Image.open(io.BytesIO(picture))).astype(int)
    assert (pixels[:, 140:] == source[:, 140:]).all()
    assert (pixels[:, :100] != source[:, :100]).any()


def test_live_inpainting_repaints_where_the_mask_is_white(live: str, picture: bytes) -> None:
    mask = io.BytesIO()
    Image.fromarray(np.kron([[0, 255]], np.ones((256, 128))).astype("uint8")).save(mask, "PNG")
    values = SMALL | {"image_b64": base64.b64encode(picture).decode(), "mask": list(mask.getvalue())}
    pixels = pixels_of(run_json(live, INPAINTING, values))
    assert (pixels[:, :100] == (255, 0, 0)).all()
    assert (pixels[:, 156:] != (0, 0, 255)).any()


def test_flux_2_sees_its_reference_under_the_right_name_alone(live: str, picture_path: Path) -> None:
    size = ("prompt=x", "width=256", "height=256")
    before = curl(f"{live}/emulator/stats").json["fields"]["misnamed"].get("flux-2-klein-4b image", 0)
    seen = pixels_of(run_form(live, KLEIN, *size, f"input_image_0=@{picture_path};type=image/png"))
    dropped = pixels_of(run_form(live, KLEIN, *size, f"image=@{picture_path};type=image/png"))
    red_to_blue = [1, 0, -1]
    assert (seen[:, :100] @ red_to_blue).mean() > (seen[:, 156:] @ red_to_blue).mean() + 50
    assert abs((dropped[:, :100] @ red_to_blue).mean() - (dropped[:, 156:] @ red_to_blue).mean()) < 200
    after = curl(f"{live}/emulator/stats").json["fields"]["misnamed"]["flux-2-klein-4b image"]
    assert after == before + 1


@pytest.mark.parametrize(
    ("model", "values", "neurons"),
    [
        (SCHNELL, {"prompt": "x"}, "172.80"),
        ("@cf/leonardo/lucid-origin", {"prompt": "x", "num_steps": 15}, "3904.69"),
        (SDXL, SMALL, "0.00"),
        (PHOENIX, {"prompt": "x", "width": 256, "height": 256}, None),
    ],
)
def test_the_price_of_a_call(live: str, model: str, values: dict[str, Any], neurons: str | None) -> None:
    assert run_json(live, model, values).headers.get("cf-ai-neurons") == neurons


@pytest.mark.parametrize(
    ("model", "steps", "neurons"),
    [("dev", ("steps=50",), "7500.00"), ("klein-9b", (), "1363.64"), ("klein-4b", (), "104.20")],
)
def test_the_price_of_flux_2(live: str, model: str, steps: tuple[str, ...], neurons: str) -> None:
    name = f"@cf/black-forest-labs/flux-2-{model}"
    answer = run_form(live, name, "prompt=x", "width=1024", "height=1024", *steps)
    assert answer.headers["cf-ai-neurons"] == neurons


def test_the_accounts_day_is_counted_even_where_the_service_does_not_say_so(live: str) -> None:
    run_json(live, PHOENIX, {"prompt": "x"}, account="phoenix")
    assert curl(f"{live}/emulator/stats").json["accounts"]["phoenix"] == {"calls": 1, "spent_neurons": 3120}


def test_an_account_can_be_set_up() -> None:
    with emulating() as address:
        url = f"{address}/emulator/accounts/a"
        wanted = {"spent_neurons": 10_000, "img2img": True, "gateways": ["mine"]}
        assert curl(url, "-X", "PUT", "-d", json.dumps(wanted)).json == wanted
        assert run_json(address, SDXL, SMALL, account="a").error["code"] == 4006
        curl(url, "-X", "PUT", "-d", '{"spent_neurons": 0}')
        assert run_json(address, IMG2IMG, SMALL, account="a").status == 200
        through = run(address, SCHNELL, "-d", '{"prompt":"x"}', "-H", "cf-aig-gateway-id: mine", account="a")
        assert through.status == 200
        assert curl(url, "-X", "PUT", "-d", "[]").status == 400


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ('{"spent_neurons": 1e999}', "spent_neurons must be a number from 0, not Infinity"),
        ('{"spent_neurons": NaN}', "spent_neurons must be a number from 0, not NaN"),
        ('{"spent_neurons": -1}', "spent_neurons must be a number from 0, not -1"),
        ('{"spent_neurons": "many"}', 'spent_neurons must be a number from 0, not "many"'),
        ('{"img2img": "no"}', 'img2img must be true or false, not "no"'),
        ('{"spent_neurons": 5, "gateways": "mine"}', 'gateways must be a list of names, not "mine"'),
        ('{"neurons": 5}', 'there is no "neurons"; there are spent_neurons, img2img, gateways'),
        ("[" * 100_000, "send a JSON object such as"),
    ],
)
def test_an_account_is_not_set_to_what_it_cannot_be(live: str, values: str, words: str) -> None:
    url = f"{live}/emulator/accounts/set-up"
    before = curl(url, "-X", "PUT", "-d", "{}").json
    answer = curl(url, "-X", "PUT", "--data-binary", "@-", stdin=values.encode())
    assert answer.status == 400
    assert words in answer.json["error"]
    assert curl(url, "-X", "PUT", "-d", "{}").json == before
    assert curl(f"{live}/emulator/stats").status == 200


def test_half_a_surrogate_pair_is_a_character_like_any_other(live: str) -> None:
    answer = run(live, SDXL, "-d", '{"prompt": "a \\ud83d cat", "width": 256, "height": 256}')
    assert Image.open(io.BytesIO(data_of(answer))).size == (256, 256)


def test_a_form_by_any_spelling_of_its_type(live: str, picture_path: Path) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--b--\r\n'
    head = ("-H", "Content-Type: Multipart/Form-Data; boundary=b")
    data_of(run(live, KLEIN, *head, "--data-binary", "@-", stdin=body))
    data_of(run_form(live, KLEIN, "prompt=x", f"input_image_0=@{picture_path};type=image/PNG;charset=binary"))


def test_fields_that_the_model_does_not_read_are_counted(live: str) -> None:
    with emulating() as address:
        run_json(address, SDXL, SMALL | {"steps": 5, "sampler": "x", "strength": 3})
        run_form(address, KLEIN, "prompt=x", "width=300", "height=256")
        fields = curl(f"{address}/emulator/stats").json["fields"]
    sdxl = "stable-diffusion-xl-base-1.0"
    assert fields == {
        "unknown": {f"{sdxl} sampler": 1},
        "misnamed": {f"{sdxl} steps": 1},
        "out_of_range": {f"{sdxl} strength": 1, "flux-2-klein-4b width": 1},
    }


def test_the_official_sdk_gets_an_image(live: str) -> None:
    with cloudflare.Cloudflare(api_token="demo", base_url=f"{live}/client/v4", max_retries=0) as client:
        result: Any = client.ai.run(SCHNELL, account_id="demo", prompt="a cat", extra_body={"steps": 2})
    image = Image.open(io.BytesIO(base64.b64decode(result["image"])))
    assert (image.format, image.size) == ("JPEG", (1024, 1024))


def test_the_official_sdk_gets_the_bytes_of_a_raw_model(live: str) -> None:
    with cloudflare.Cloudflare(api_token="demo", base_url=f"{live}/client/v4", max_retries=0) as client:
        answer = client.ai.with_raw_response.run(PHOENIX, account_id="demo", prompt="a cat", width=256, height=256)
        image = Image.open(io.BytesIO(answer.read()))
    assert (image.format, image.size) == ("JPEG", (256, 256))


def test_the_official_sdk_lists_the_models(live: str) -> None:
    with cloudflare.Cloudflare(api_token="demo", base_url=f"{live}/client/v4", max_retries=0) as client:
        page = client.ai.models.list(account_id="demo", task="Text-to-Image")
        models: list[Any] = list(page.result)
        schema: Any = client.ai.models.schema.with_raw_response.get(account_id="demo", model=SCHNELL).json()
    names = [item["name"] for item in models]
    partners = {item["name"] for item in models if {"property_id": "partner", "value": "true"} in item["properties"]}
    assert {name.split("/")[-1] for name in partners} == {
        "flux-2-dev", "flux-2-klein-4b", "flux-2-klein-9b", "lucid-origin", "phoenix-1.0"
    }  # fmt: skip
    assert set(names) == set(catalogue())
    assert schema["result"]["input"]["additionalProperties"] is False
    assert schema["result"]["input"]["properties"]["steps"]["maximum"] == 8
