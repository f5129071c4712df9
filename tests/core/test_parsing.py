from __future__ import annotations

from typing import Any

import pytest

from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.header import ImageFormat

GENERATE = Operation.GENERATE

REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [  # fields, param, what the message says
    ({"n": 0}, "n", ["1 to 8", "0"]),
    ({"n": 9}, "n", ["1 to 8", "9"]),
    ({"n": "two"}, "n", ["integer", '"two"']),
    ({"n": True}, "n", ["integer", "true"]),
    ({"n": 1.5}, "n", ["integer", "1.5"]),
    ({"prompt": 7}, "prompt", ["string", "7"]),
    ({"prompt": "\ud800"}, "prompt", ["Unicode"]),
    ({"model": ["a"]}, "model", ["string"]),
    ({"model": "m" * 201}, "model", ["200", "201"]),
    ({"size": "big"}, "size", ["WIDTHxHEIGHT", '"big"']),
    ({"size": [512]}, "size", ["WIDTHxHEIGHT", "[512]"]),
    ({"size": True}, "size", ["WIDTHxHEIGHT", "not true"]),
    ({"n": [2, None]}, "n", ["not [2, null]"]),
    ({"width": 512}, "height", ["required"]),
    ({"height": 512}, "width", ["required"]),
    ({"aspect_ratio": "wide"}, "aspect_ratio", ["1:8 to 8:1", '"wide"']),
    ({"aspect_ratio": "1:0"}, "aspect_ratio", ["1:8 to 8:1"]),
    ({"aspectRatio": "99:1"}, "aspectRatio", ["1:8 to 8:1"]),
    ({"steps": "4.5"}, "steps", ["integer", '"4.5"']),
    ({"num_steps": 1.5}, "num_steps", ["integer", "1.5"]),
    ({"guidance": "high"}, "guidance", ["number", '"high"']),
    ({"guidance": float("inf")}, "guidance", ["number", "Infinity"]),
    ({"seed": None, "quality": "superb"}, "quality", ["low", '"superb"']),
    ({"background": "blue"}, "background", ["transparent, opaque", '"blue"']),
    ({"response_format": "b64"}, "response_format", ["url, b64_json", '"b64"']),
    ({"output_format": "gif"}, "output_format", ["png", '"gif"']),
    ({"output_format": "svg"}, "output_format", ["png", '"svg"']),
    ({"output_compression": 101}, "output_compression", ["0 to 100", "101"]),
    ({"partial_images": 4}, "partial_images", ["0 to 3", "4"]),
    ({"stream": "yes"}, "stream", ["true or false", '"yes"']),
    ({"image": 5}, "image", ["base64", "5"]),
    ({"images": [{"file_id": "file-1"}]}, "images[0].file_id", ["not supported"]),
    ({"images": [{}]}, "images[0]", ["image_url"]),
    ({"image": [1, 2, 256]}, "image", ["0 to 255"]),
    ({"image": ["aGk="] * 17}, "image[0]", ["16", "17"]),
]


@pytest.mark.parametrize(("fields", "param", "words"), REFUSED)
def test_bad_values_are_named(fields: dict[str, Any], param: str, words: list[str]) -> None:
    operation = Operation.EDIT if param.startswith("image") else GENERATE
    with pytest.raises(GatewayError) as caught:
        parse_request(operation, {"prompt": "a fox", **fields})
    assert caught.value.row.status == 400
    assert caught.value.param == param
    for word in words:
        assert word in caught.value.message


def test_null_is_absent() -> None:
    names = ["n", "size", "safety_identifier", "seed", "steps", "model", "quality", "stream", "image", "output_format"]
    assert parse_request(GENERATE, {"prompt": "a fox", **dict.fromkeys(names)}) == parse_request(
        GENERATE, {"prompt": "a fox"}
    )


def test_seed_zero_is_a_seed_and_minus_one_is_none() -> None:
    assert parse_request(GENERATE, {"prompt": "p", "seed": 0}).seed == 0
    assert parse_request(GENERATE, {"prompt": "p", "seed": -1}).seed is None


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"num_steps": 7}, "steps", 7),
        ({"num_inference_steps": 7}, "steps", 7),
        ({"steps": None, "num_steps": 7}, "steps", 7),
        ({"cfg_scale": 3.5}, "guidance", 3.5),
        ({"guidance_scale": 3}, "guidance", 3),
        ({"negativePrompt": "rain"}, "negative_prompt", "rain"),
        ({"denoising_strength": 0.2}, "strength", 0.2),
        ({"width": 640, "height": 480}, "size", Size(640, 480)),
        ({"size": "auto", "width": 640, "height": 480}, "size", Size(640, 480)),
        ({"size": "auto"}, "size", None),
        ({"aspect_ratio": "16:9"}, "aspect_ratio", 16 / 9),
        ({"quality": "auto"}, "quality", None),
        ({"output_format": "jpg"}, "output_format", ImageFormat.JPEG),
        ({"output_format": "JPG"}, "output_format", ImageFormat.JPEG),
        ({"output_format": "PNG"}, "output_format", ImageFormat.PNG),
        ({"output_format": "image/jpeg"}, "output_format", ImageFormat.JPEG),
        ({"output_format": ".webp"}, "output_format", ImageFormat.WEBP),
        ({"response_format": "B64_JSON"}, "response_format", "b64_json"),
        ({"quality": "HD"}, "quality", "hd"),
        ({"steps": "4"}, "steps", 4),
        ({"steps": 4.0}, "steps", 4),
        ({"steps": "4.0"}, "steps", 4),
        ({"numSteps": 4}, "steps", 4),
        ({"numInferenceSteps": 4}, "steps", 4),
        ({"n": "2"}, "n", 2),
        ({"num_images": 2}, "n", 2),
        ({"num_outputs": 2}, "n", 2),
        ({"numImages": 2}, "n", 2),
        ({"samples": 2}, "n", 2),
        ({"seed": "7"}, "seed", 7),
        ({"seed": "-1"}, "seed", None),
        ({"stream": "true"}, "stream", True),
        ({"guidance": "3.5"}, "guidance", 3.5),
        ({"size": "1024"}, "size", Size(1024, 1024)),
        ({"size": 1024}, "size", Size(1024, 1024)),
        ({"size": "512px"}, "size", Size(512, 512)),
        ({"size": [640, 480]}, "size", Size(640, 480)),
        ({"size": {"width": 640, "height": 480}}, "size", Size(640, 480)),
        ({"size": "640*480"}, "size", Size(640, 480)),
        ({"size": "640\u00d7480"}, "size", Size(640, 480)),
        ({"image_size": "640x480"}, "size", Size(640, 480)),
        ({"resolution": "640x480"}, "size", Size(640, 480)),
        ({"size": "16:9"}, "aspect_ratio", 16 / 9),
        ({"size": "1:1"}, "aspect_ratio", 1),
        ({"image_size": "landscape_16_9"}, "aspect_ratio", 16 / 9),
        ({"image_size": "portrait_4_3"}, "aspect_ratio", 3 / 4),
        ({"image_size": "square_hd"}, "aspect_ratio", 1),
        ({"aspect_ratio": "16x9"}, "aspect_ratio", 16 / 9),
        ({"aspect_ratio": 1.78}, "aspect_ratio", 1.78),
        ({"aspect_ratio": "1.78"}, "aspect_ratio", 1.78),
        ({"ratio": "16:9"}, "aspect_ratio", 16 / 9),
        ({"extra_body": {"steps": 3}}, "steps", 3),
        ({"extra_body": '{"steps": 3}'}, "steps", 3),
        ({"safety_identifier": "me", "user": "another"}, "safety_identifier", "me"),
    ],
)
def test_other_dialects_are_understood(fields: dict[str, Any], name: str, value: object) -> None:
    assert getattr(parse_request(GENERATE, {"prompt": "p", **fields}), name) == value


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"steps": 3, "guidance": 2, "size": "512x512"}, {}),
        ({"num_steps": 3, "cfg": 2}, {"steps": "num_steps", "guidance": "cfg"}),
        ({"steps": 3, "num_steps": 4}, {}),
        ({"size": "auto", "width": 640, "height": 480}, {"size": "width"}),
        ({"size": "512x512", "width": 640}, {}),
    ],
)
def test_the_names_that_the_caller_used_are_kept(fields: dict[str, Any], written: dict[str, str]) -> None:
    assert dict(parse_request(GENERATE, {"prompt": "p", **fields}).written) == written


@pytest.mark.parametrize("nothing", [None, "", " ", "null", "None", "undefined", "N/A"])
def test_values_that_stand_for_nothing_are_absent(nothing: object) -> None:
    names = ("model", "n", "size", "seed", "steps", "guidance", "negative_prompt", "strength", "stream", "quality")
    assert parse_request(GENERATE, {"prompt": "p", **dict.fromkeys(names, nothing)}) == parse_request(
        GENERATE, {"prompt": "p"}
    )


@pytest.mark.parametrize("word", ["auto", "default", "Random"])
def test_words_for_the_default_are_absent_but_in_free_text(word: str) -> None:
    names = ("model", "n", "size", "seed", "steps", "aspect_ratio", "output_format", "quality", "response_format")
    assert parse_request(GENERATE, {"prompt": "p", **dict.fromkeys(names, word)}) == parse_request(
        GENERATE, {"prompt": "p"}
    )
    assert parse_request(GENERATE, {"prompt": word, "negative_prompt": word}).negative_prompt == word


@pytest.mark.parametrize(
    ("fields", "warnings"),
    [
        ({"steps": 4, "num_steps": 5}, ["num_steps 5 was ignored: steps 4 was used"]),
        ({"steps": 4, "num_steps": "4"}, []),
        ({"num_inference_steps": 6, "num_steps": 5}, ["num_inference_steps 6 was ignored: num_steps 5 was used"]),
        ({"n": 1, "extra_body": {"n": 3}}, ["n 3 was ignored: n 1 was used"]),
        (
            {"size": "512x512", "width": 640, "height": 480},
            ["width 640 and height 480 were ignored: size 512x512 was used"],
        ),
        ({"size": "512x512", "width": 640}, ["width 640 was ignored: size 512x512 was used"]),
        ({"size": "512x512", "width": 512, "height": "512"}, []),
        ({"size": "512x512", "aspect_ratio": "16:9"}, ["aspect_ratio was ignored: the size 512x512 was used"]),
        ({"width": 512, "height": 512, "ratio": "16:9"}, ["ratio was ignored: the size 512x512 was used"]),
        ({"size": "512x512", "aspect_ratio": "1:1"}, []),
        ({"prompt": "a fox --steps=6", "steps": 2}, ["--steps 6 was ignored: steps 2 was used"]),
        ({"image_size": "2K"}, ['image_size "2K" was not understood and was ignored']),
        ({"resolution": "1K", "size": "512x512"}, ['resolution "1K" was not understood and was ignored']),
        (
            {"image_size": "2K", "resolution": "512x512"},
            ['image_size "2K" was not understood and was ignored'],
        ),
        ({"partial_images": 2}, ["partial_images was ignored: it needs stream"]),
        ({"partial_images": 2, "stream": True}, []),
        (
            {"negative_prompt": "a" * 1000, "negative": "b" * 1000},
            [f"negative {'b' * 40}… was ignored: negative_prompt {'a' * 40}… was used"],
        ),
        ({"stepz": 4}, ['"stepz" is not a known parameter and was ignored; did you mean steps?']),
        (
            {"negativ_prompt": "x"},
            ['"negativ_prompt" is not a known parameter and was ignored; did you mean negative_prompt?'],
        ),
        ({"user": "me", "moderation": "low"}, []),
        ({"unknown": None}, []),
    ],
)
def test_what_is_not_used_becomes_a_warning(fields: dict[str, Any], warnings: list[str]) -> None:
    assert list(parse_request(GENERATE, {"prompt": "p", **fields}).warnings) == warnings


def test_unknown_fields_fill_no_answer() -> None:
    warnings = parse_request(GENERATE, {"prompt": "p"} | {f"field{'x' * 50}{i}": 1 for i in range(5000)}).warnings
    assert len(warnings) == 21
    assert max(map(len, warnings)) < 120
    assert warnings[-1] == "4980 more unknown parameters were ignored"


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"steps": 4, "num_steps": "many"}, "num_steps"), ({"n": 1, "num_images": 9}, "num_images")],
)
def test_a_value_that_is_not_used_is_read_all_the_same(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_request(GENERATE, {"prompt": "p", **fields})
    assert caught.value.param == param


def test_a_value_that_is_not_understood_leaves_the_next_one() -> None:
    request = parse_request(GENERATE, {"prompt": "p", "image_size": "2K", "resolution": "512x640"})
    assert (request.size, request.name_of("size")) == (Size(512, 640), "resolution")


def test_n_reaches_ten_under_the_names_of_gpt_image() -> None:
    assert parse_request(GENERATE, {"prompt": "p", "n": 10, "model": "openai/GPT-Image-1"}).n == 10
    for model, most in (("gpt-image-1", 10), ("dall-e-2", 8), ("flux-2-dev", 8)):
        with pytest.raises(GatewayError, match=f"n must be an integer from 1 to {most}, not 11"):
            parse_request(GENERATE, {"prompt": "p", "n": 11, "model": model})


def test_images_are_in_the_order_of_their_indices() -> None:
    names = ("image[10]", "image[2]", "image[0]", "input_image_1")
    images = parse_request(Operation.EDIT, {"prompt": "p"} | {name: name for name in names}).images
    assert [image.param for image in images] == ["image[0]", "input_image_1", "image[2]", "image[10]"]
    images = parse_request(Operation.EDIT, {"prompt": "p", "image[]": ["b", "a"]}).images
    assert [image.data for image in images] == ["b", "a"]


def test_images_have_no_place_in_generating_and_masks_are_one() -> None:
    request = parse_request(GENERATE, {"prompt": "p", "images": [5], "mask": "x", "image": "", "image_url": None})
    assert (request.images, request.mask) == ((), None)
    assert request.warnings == tuple(
        f"{name} was ignored: generating takes no image; an edit does" for name in ("images", "mask")
    )
    request = parse_request(Operation.EDIT, {"prompt": "p", "image": "QUJD", "mask": ["QUJD", "QUJE"]})
    assert request.mask is not None
    assert request.mask.data == "QUJD"
    assert request.warnings == ("only the first of 2 masks was used",)


def test_unknown_and_meaningless_fields_are_named() -> None:
    request = parse_request(
        GENERATE,
        {"prompt": "p", "scheduler": "euler", "style": "natural", "svg": {"model": "m"}},
    )
    assert request.warnings == (
        '"scheduler" is not a known parameter and was ignored',
        "svg is not supported and was ignored",
    )


def test_form_text_spells_numbers_and_truths_out() -> None:
    request = parse_request(
        GENERATE, {"prompt": "p", "n": "2", "guidance": "7.5", "stream": "false", "seed": "", "steps": "4"}
    )
    assert (request.n, request.guidance, request.stream, request.seed, request.steps) == (2, 7.5, False, None, 4)


def test_explicit_fields_win_over_flags_in_the_prompt() -> None:
    request = parse_request(GENERATE, {"prompt": "a fox --steps=6 --size=512x512 --n 3", "steps": 2})
    assert (request.prompt, request.steps, request.size, request.n) == ("a fox", 2, Size(512, 512), 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"image": "QUJD"},
        {"image[]": "QUJD"},
        {"image[0]": "QUJD"},
        {"input_image_0": "QUJD"},
        {"images": ["QUJD"]},
        {"images": [{"image_url": "QUJD"}]},
        {"images": [{"image_url": {"url": "QUJD"}}]},
        {"images[]": ["QUJD"]},
        {"image_b64": "QUJD"},
        {"image_url": "QUJD"},
        {"image": {"b64_json": "QUJD"}},
    ],
)
def test_images_are_found_under_every_name(fields: dict[str, Any]) -> None:
    (source,) = parse_request(Operation.EDIT, {"prompt": "p", **fields}).images
    assert source.data == "QUJD"


def test_files_keep_their_order() -> None:
    request = parse_request(Operation.EDIT, {"image[]": [b"a", b"b"], "mask": b"m"})
    assert [source.data for source in request.images] == [b"a", b"b"]
    assert request.mask is not None
    assert request.mask.data == b"m"


def test_a_list_of_numbers_is_the_files_bytes() -> None:
    (source,) = parse_request(Operation.EDIT, {"image": [137, 80, 78, 71]}).images
    assert source.data == b"\x89PNG"
