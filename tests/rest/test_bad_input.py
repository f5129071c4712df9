"""Bad input of every kind against the installed command, as a process whose memory is watched."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from tests.live import command
from tests.ports import free_port
from tests.rest import pictures
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_LIMIT = 400 * 1024 * 1024

GENERATIONS, EDITS, VARIATIONS = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
SOUND = pictures.picture()
B64 = base64.b64encode(SOUND).decode()
PROMPT = {"prompt": "a fox"}
EDIT = {"prompt": "a fox", "image": B64, "model": "flux-2-klein-4b"}
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"


@dataclass
class Bad:
    """A request, and what the answer has to say."""

    path: str
    json: Any = None
    form: dict[str, Any] | None = None
    files: list[tuple[str, tuple[str, bytes]]] | None = None
    data: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    status: int = 400
    param: str | None = None
    phrases: tuple[str, ...] = ()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def upload(name: str, data: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [(name, ("upload.png", data))]


CASES: dict[str, Bad] = {
    # the body itself
    "no body": Bad(GENERATIONS, data=b"", param="prompt", phrases=("prompt is required",)),
    "not json": Bad(GENERATIONS, data=b"{prompt: 1}", headers={"content-type": "application/json"}, phrases=("JSON",)),
    "json array": Bad(GENERATIONS, json=["a fox"], phrases=("JSON object",)),
    "json string": Bad(GENERATIONS, json="a fox", phrases=("JSON object", '"a fox"')),
    "json too deep": Bad(
        GENERATIONS, data=b"[" * 100_000, headers={"content-type": "application/json"}, phrases=("JSON",)
    ),
    "json not utf-8": Bad(
        GENERATIONS, data=b'{"prompt":"\xff"}', headers={"content-type": "application/json"}, phrases=("JSON",)
    ),
    "number of 5,000 digits": Bad(
        GENERATIONS,
        data=b'{"prompt":"p","seed":' + b"1" * 5000 + b"}",
        headers={"content-type": "application/json"},
        phrases=("digits",),
    ),
    "form of json that is none": Bad(
        GENERATIONS,
        data=b"{'prompt': 'a fox'}",
        headers={"content-type": "application/x-www-form-urlencoded"},
        phrases=("JSON",),
    ),
    "plain text": Bad(
        GENERATIONS, data=b"a fox", headers={"content-type": "text/plain"}, status=415, phrases=("text/plain",)
    ),
    "many values": Bad(
        EDITS,
        data=b'{"prompt":"p","image":[' + b"1," * 20_000_000 + b"1]}",
        headers={"content-type": "application/json"},
        status=413,
        phrases=("20,000,001 values", "2,000,000"),
    ),
    "many lists": Bad(
        EDITS,
        data=b'{"prompt":"p","else":[' + b"[]," * 15_000_000 + b"1]}",
        headers={"content-type": "application/json"},
        status=413,
        phrases=("15,000,002 lists and objects", "100,000"),
    ),
    "many fields": Bad(
        GENERATIONS,
        data=b"a=b&" * 10_000_000,
        headers={"content-type": "application/x-www-form-urlencoded"},
        status=413,
        phrases=("128",),
    ),
    "many escapes": Bad(
        GENERATIONS,
        data=b"prompt=" + b"%41" * 7_000_000,
        headers={"content-type": "application/x-www-form-urlencoded"},
        param="prompt",
        phrases=("2,048", "7,000,000"),
    ),
    "megabytes of spaces": Bad(GENERATIONS, json={"prompt": " " * 20_000_000}, param="prompt", phrases=("required",)),
    "megabytes of size": Bad(GENERATIONS, json=PROMPT | {"size": " " * 20_000_000}, param="size", phrases=("WIDTH",)),
    "megabytes of aspect": Bad(
        GENERATIONS, json=PROMPT | {"aspect_ratio": "1" * 20_000_000}, param="aspect_ratio", phrases=("8:1",)
    ),
    "megabytes of number": Bad(
        EDITS, form=PROMPT | {"guidance": "1" * 20_000_000}, files=upload("image", SOUND), param="guidance"
    ),
    "megabytes of negative prompt": Bad(
        GENERATIONS,
        json=PROMPT | {"negativePrompt": "x " * 10_000_000},
        param="negativePrompt",
        phrases=("32,000", "20,000,000"),
    ),
    "megabytes of data url": Bad(
        EDITS, json=EDIT | {"image": "data:" + ";" * 20_000_000}, param="image", phrases=("comma",)
    ),
    "megabytes of image id": Bad(
        EDITS, json=EDIT | {"image": "image://" + "a" * 20_000_000}, param="image", phrases=("2048",)
    ),
    "packed": Bad(
        GENERATIONS,
        data=b'{"prompt":"p"}',
        headers={"content-type": "application/json", "content-encoding": "br"},
        status=415,
        phrases=("Content-Encoding", '"br"'),
    ),
    "nan": Bad(
        GENERATIONS,
        data=b'{"prompt":"p","guidance":NaN}',
        headers={"content-type": "application/json"},
        phrases=("NaN",),
    ),
    "xml": Bad(
        GENERATIONS,
        data=b"<a/>",
        headers={"content-type": "text/xml"},
        status=415,
        phrases=("application/json", "text/xml"),
    ),
    "100 MB": Bad(
        GENERATIONS,
        data=b'{"prompt":"' + b"x" * 100_000_000 + b'"}',
        headers={"content-type": "application/json"},
        status=413,
        phrases=("64 MiB",),
    ),
    "100 MB upload": Bad(
        EDITS, form=PROMPT, files=upload("image", bytes(100_000_000)), status=413, param="image", phrases=("MiB",)
    ),
    "multipart without boundary": Bad(
        EDITS, data=b"--x\r\n", headers={"content-type": "multipart/form-data"}, phrases=("boundary",)
    ),
    "multipart with an endless boundary": Bad(
        EDITS,
        data=b"--x\r\n",
        headers={"content-type": f"multipart/form-data; boundary={'x' * 5000}"},
        phrases=("multipart", "oundary"),
    ),
    "multipart cut short": Bad(
        EDITS,
        data=b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na fox',
        headers={"content-type": "multipart/form-data; boundary=x"},
        phrases=("cut short",),
    ),
    "multipart broken": Bad(
        EDITS, data=b"hello", headers={"content-type": "multipart/form-data; boundary=x"}, phrases=("multipart",)
    ),
    "part without a name": Bad(
        EDITS,
        data=b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        headers={"content-type": "multipart/form-data; boundary=x"},
        phrases=("name",),
    ),
    "too many parts": Bad(EDITS, form={f"field{i}": "x" for i in range(200)}, files=upload("image", SOUND), status=413),
    "text part not utf-8": Bad(
        EDITS,
        data=b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        headers={"content-type": "multipart/form-data; boundary=x"},
        param="prompt",
        phrases=("UTF-8",),
    ),
    # types and ranges
    "prompt missing": Bad(GENERATIONS, json={}, param="prompt", phrases=("prompt is required",)),
    "prompt empty": Bad(GENERATIONS, json={"prompt": " "}, param="prompt", phrases=("prompt is required",)),
    "prompt a number": Bad(GENERATIONS, json={"prompt": 5}, param="prompt", phrases=("string", "5")),
    "prompt too long": Bad(GENERATIONS, json={"prompt": "x" * 2049}, param="prompt", phrases=("2,048", "2,049")),
    "prompt far too long": Bad(
        GENERATIONS, json={"prompt": "x" * 32_001, "model": SDXL}, param="prompt", phrases=("32,000", "32,001")
    ),
    "half a surrogate": Bad(
        GENERATIONS,
        data=b'{"prompt":"\\ud800"}',
        headers={"content-type": "application/json"},
        param="prompt",
        phrases=("Unicode",),
    ),
    "n 0": Bad(GENERATIONS, json=PROMPT | {"n": 0}, param="n", phrases=("1 to 8", "0")),
    "n 9": Bad(GENERATIONS, json=PROMPT | {"n": 9}, param="n", phrases=("1 to 8", "9")),
    "n huge": Bad(GENERATIONS, json=PROMPT | {"n": 10**30}, param="n", phrases=("1 to 8",)),
    "n text": Bad(GENERATIONS, json=PROMPT | {"n": "three"}, param="n", phrases=("integer", '"three"')),
    "n true": Bad(GENERATIONS, json=PROMPT | {"n": True}, param="n", phrases=("integer",)),
    "n in a form": Bad(
        EDITS, form=PROMPT | {"n": "lots"}, files=upload("image", SOUND), param="n", phrases=('"lots"',)
    ),
    "size in words": Bad(
        GENERATIONS, json=PROMPT | {"size": "large"}, param="size", phrases=("WIDTHxHEIGHT", '"large"')
    ),
    "size small": Bad(GENERATIONS, json=PROMPT | {"size": "64x64"}, param="size", phrases=("256x256", "64x64")),
    "size large": Bad(
        GENERATIONS, json=PROMPT | {"size": "4096x4096"}, param="size", phrases=("2048x2048", "4096x4096")
    ),
    "size thin": Bad(GENERATIONS, json=PROMPT | {"size": "2048x1"}, param="size", phrases=("2048x1",)),
    "size digits": Bad(GENERATIONS, json=PROMPT | {"size": "9" * 50 + "x1"}, param="size", phrases=("WIDTHxHEIGHT",)),
    "width alone": Bad(GENERATIONS, json=PROMPT | {"width": 512}, param="height", phrases=("required",)),
    "height too large": Bad(
        GENERATIONS, json=PROMPT | {"width": 512, "height": 5000}, param="height", phrases=("256 to 2048", "5000")
    ),
    "height text": Bad(GENERATIONS, json=PROMPT | {"width": 1, "height": "x"}, param="height", phrases=('"x"',)),
    "steps 0": Bad(GENERATIONS, json=PROMPT | {"steps": 0}, param="steps", phrases=("1 to 8", "0")),
    "steps 9 on schnell": Bad(GENERATIONS, json=PROMPT | {"steps": 9}, param="steps", phrases=("1 to 8", "9")),
    "steps 51 on flux-2": Bad(
        GENERATIONS, json=PROMPT | {"steps": 51, "model": "flux-2-dev"}, param="steps", phrases=("1 to 50", "51")
    ),
    "num_steps 21 on sdxl": Bad(
        GENERATIONS,
        json=PROMPT | {"num_steps": 21, "model": SDXL},
        param="num_steps",
        phrases=("num_steps", "1 to 20", "21"),
    ),
    "cfg_scale 99": Bad(
        GENERATIONS, json=PROMPT | {"cfg_scale": 99}, param="cfg_scale", phrases=("cfg_scale", "1 to 30", "99")
    ),
    "guidance no float reaches": Bad(
        GENERATIONS, json=PROMPT | {"guidance": 10**400}, param="guidance", phrases=("number",)
    ),
    "guidance 0.5": Bad(GENERATIONS, json=PROMPT | {"guidance": 0.5}, param="guidance", phrases=("1 to 30", "0.5")),
    "guidance 31": Bad(GENERATIONS, json=PROMPT | {"guidance": 31}, param="guidance", phrases=("1 to 30", "31")),
    "guidance text": Bad(GENERATIONS, json=PROMPT | {"guidance": "high"}, param="guidance", phrases=("number",)),
    "seed fraction": Bad(GENERATIONS, json=PROMPT | {"seed": 1.5}, param="seed", phrases=("integer", "1.5")),
    "seed negative": Bad(GENERATIONS, json=PROMPT | {"seed": -7}, param="seed", phrases=("4294967295", "-7")),
    "seed too large": Bad(GENERATIONS, json=PROMPT | {"seed": 2**32}, param="seed", phrases=("4294967295",)),
    "negative prompt a list": Bad(
        GENERATIONS, json=PROMPT | {"negative_prompt": ["rain"]}, param="negative_prompt", phrases=("string",)
    ),
    "strength 2": Bad(EDITS, json=EDIT | {"strength": 2}, param="strength", phrases=("0 to 1", "2")),
    "strength -1": Bad(EDITS, json=EDIT | {"strength": -0.1}, param="strength", phrases=("0 to 1", "-0.1")),
    "response_format": Bad(
        GENERATIONS, json=PROMPT | {"response_format": "png"}, param="response_format", phrases=("url",)
    ),
    "output_format gif": Bad(
        GENERATIONS, json=PROMPT | {"output_format": "gif"}, param="output_format", phrases=("webp",)
    ),
    "output_compression": Bad(
        GENERATIONS, json=PROMPT | {"output_compression": 101}, param="output_compression", phrases=("0 to 100", "101")
    ),
    "quality": Bad(GENERATIONS, json=PROMPT | {"quality": "ultra"}, param="quality", phrases=("high", '"ultra"')),
    "stream text": Bad(GENERATIONS, json=PROMPT | {"stream": "yes"}, param="stream", phrases=("true or false",)),
    "partial_images": Bad(
        GENERATIONS, json=PROMPT | {"partial_images": 9}, param="partial_images", phrases=("0 to 3", "9")
    ),
    # models
    "unknown model": Bad(
        GENERATIONS,
        json=PROMPT | {"model": "flux-9"},
        status=404,
        param="model",
        phrases=('"flux-9"', "flux-1-schnell"),
    ),
    "model a number": Bad(GENERATIONS, json=PROMPT | {"model": 1}, param="model", phrases=("string",)),
    "model that only edits": Bad(
        GENERATIONS,
        json=PROMPT | {"model": "stable-diffusion-v1-5-img2img"},
        param="model",
        phrases=("flux-1-schnell",),
    ),
    "model that cannot edit": Bad(
        EDITS, json=EDIT | {"model": "flux-1-schnell"}, param="model", phrases=("flux-2-dev",)
    ),
    "no such model to describe": Bad("/v1/models/gpt-6", method="GET", status=404, param="model", phrases=('"gpt-6"',)),
    # images
    "no image": Bad(EDITS, json=PROMPT, param="image", phrases=("image is required",)),
    "no image in a form": Bad(EDITS, form=PROMPT, files=upload("picture", SOUND), param="image", phrases=("required",)),
    "no image to vary": Bad(VARIATIONS, json={}, param="image", phrases=("image is required",)),
    "image empty": Bad(EDITS, json=EDIT | {"image": ""}, param="image", phrases=("required",)),
    "image nested": Bad(
        EDITS,
        data=b'{"prompt":"p","image":' + b'{"url":' * 900 + b"1" + b"}" * 900 + b"}",
        headers={"content-type": "application/json"},
        param="image.url.url.url.url.url",
        phrases=("nested",),
    ),
    "prompt a file": Bad(
        EDITS,
        files=[*upload("image", SOUND), *upload("prompt", b"a fox")],
        param="prompt",
        phrases=("string", "a file"),
    ),
    "image a number": Bad(EDITS, json=EDIT | {"image": 5}, param="image", phrases=("base64",)),
    "bad base64": Bad(EDITS, json=EDIT | {"image": "?!?!"}, param="image", phrases=("base64", "?!?!")),
    "base64 of text": Bad(EDITS, json=EDIT | {"image": b64(b"hello world")}, param="image", phrases=("PNG",)),
    "data url without comma": Bad(
        EDITS, json=EDIT | {"image": "data:image/png;base64"}, param="image", phrases=("comma",)
    ),
    "svg": Bad(
        EDITS, json=EDIT | {"image": b64(b"<svg xmlns='x'/>")}, param="image", phrases=("PNG, JPEG, WebP or GIF",)
    ),
    "file id": Bad(
        EDITS, json=PROMPT | {"images": [{"file_id": "f"}]}, param="images[0].file_id", phrases=("image_url",)
    ),
    "17 images": Bad(
        EDITS, json=PROMPT | {"images": [{"image_url": B64}] * 17}, param="images[0].image_url", phrases=("16",)
    ),
    "png cut short": Bad(EDITS, json=EDIT | {"image": b64(SOUND[:-30])}, param="image", phrases=("cut short",)),
    "png header alone": Bad(EDITS, json=EDIT | {"image": b64(SOUND[:33])}, param="image", phrases=("cut short",)),
    "png of noise": Bad(
        EDITS, json=EDIT | {"image": b64(SOUND[:50] + bytes(40) + SOUND[90:])}, param="image", phrases=("image",)
    ),
    "jpeg cut short": Bad(
        VARIATIONS,
        form={},
        files=upload("image", pictures.picture(kind="JPEG")[:-40]),
        param="image",
        phrases=("cut short",),
    ),
    "polyglot": Bad(EDITS, json=EDIT | {"image": b64(b"GIF89a/*" + SOUND)}, param="image", phrases=("image",)),
    "html named png": Bad(EDITS, form=PROMPT, files=upload("image", b"<html>" * 50), param="image", phrases=("PNG",)),
    "bomb by header": Bad(
        EDITS,
        json=EDIT | {"image": b64(pictures.png_of_stated_size(50_000, 50_000))},
        param="image",
        phrases=("40,000,000",),
    ),
    "long thin bomb": Bad(
        EDITS, json=EDIT | {"image": b64(pictures.png_of_stated_size(1_000_000, 1))}, param="image", phrases=("16,383",)
    ),
    "no pixels": Bad(
        EDITS, json=EDIT | {"image": b64(pictures.png_of_stated_size(0, 5))}, param="image", phrases=("0",)
    ),
    "41 megapixels": Bad(
        EDITS, json=EDIT | {"image": b64(pictures.png_bomb(6500))}, param="image", phrases=("6500x6500", "40,000,000")
    ),
    "26 MiB image": Bad(
        EDITS, form=PROMPT, files=upload("image", SOUND + bytes(26 << 20)), param="image", phrases=("25 MiB",)
    ),
    "mask of another size": Bad(
        EDITS, json=EDIT | {"mask": b64(pictures.mask(32, 32))}, param="mask", phrases=("32x32", "64x64")
    ),
    "mask unreadable": Bad(EDITS, json=EDIT | {"mask": b64(b"no")}, param="mask", phrases=("PNG",)),
    "mask missing for inpainting": Bad(
        EDITS, json=EDIT | {"model": "stable-diffusion-v1-5-inpainting"}, param="mask", phrases=("mask is required",)
    ),
    # addresses
    "file url": Bad(EDITS, json=EDIT | {"image": "file:///etc/passwd"}, param="image", phrases=("http",)),
    "loopback url": Bad(EDITS, json=EDIT | {"image": "http://127.0.0.1/a.png"}, param="image", phrases=("127.0.0.1",)),
    "metadata url": Bad(EDITS, json=EDIT | {"image": "http://169.254.169.254/"}, param="image", phrases=("169.254",)),
    "url too long": Bad(
        EDITS, json=EDIT | {"image": "https://a.example/" + "x" * 3000}, param="image", phrases=("2048",)
    ),
    "image that is not stored": Bad(
        EDITS, json=EDIT | {"image": "image://nothing"}, param="image", phrases=("nothing",)
    ),
    # paths
    "unknown path": Bad("/v1/images/generations/upscale", json=PROMPT, status=404, phrases=("POST",)),
    "get on a post path": Bad(GENERATIONS, method="GET", status=405, phrases=("GET", "POST")),
    "put": Bad(GENERATIONS, method="PUT", json=PROMPT, status=405, phrases=("POST",)),
    "image traversal": Bad("/images/..%2f..%2f..%2fetc%2fpasswd", method="GET", status=404),
    "image traversal raw": Bad("/images/../../etc/passwd", method="GET", status=404),
    "image traversal backslash": Bad("/images/..%5c..%5cetc%5cpasswd", method="GET", status=404),
    "image nul": Bad("/images/a%00.png", method="GET", status=404),
    "image record": Bad(f"/images/{'a' * 22}.png.json", method="GET", status=404),
    "image absolute": Bad("/images//etc/passwd", method="GET", status=404),
    "image unknown": Bad(f"/images/{'a' * 22}.png", method="GET", status=404, phrases=("does not exist",)),
    "image long name": Bad("/images/" + "a" * 5000, method="GET", status=404),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, psutil.Process]]:
    folder = tmp_path_factory.mktemp("bad-input")
    port = free_port()
    environ = {"IMAGE_STORAGE_URL": (folder / "images").as_uri(), "IMAGE_BACKEND": "local", "HOME": str(folder)}
    with command(port, environ, folder / "log") as process:
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    assert "Traceback" not in (folder / "log").read_text("utf-8")


def send(origin: str, case: Bad) -> requests.Response:
    request = requests.Request(
        case.method, origin, json=case.json, data=case.data if case.data is not None else case.form, files=case.files
    )
    prepared = request.prepare()
    prepared.url = origin + case.path  # as written: the library would tidy the path
    prepared.headers.update(case.headers)
    with requests.Session() as session:
        return session.send(prepared, timeout=LONGEST)


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_so_many_words(name: str, server: tuple[str, psutil.Process]) -> None:
    origin, process = server
    case = CASES[name]
    answer = send(origin, case)
    assert answer.status_code == case.status, answer.text[:500]
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == case.param, error
    for words in case.phrases:
        assert words in error["message"], error
    assert len(error["message"]) < 1500
    assert not re.search(r"Traceback|File \"|/site-packages/|0x[0-9a-f]{6}", answer.text)
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert process.memory_info().rss < MEMORY_LIMIT


def test_heavy_but_allowed_input_stays_within_memory(server: tuple[str, psutil.Process]) -> None:
    """A bomb below the limits is decoded, and a text bomb ignored, without the memory that they ask for."""
    origin, process = server
    for data in (pictures.png_bomb(6000), pictures.text_bomb()):
        body = {"image": b64(data), "prompt": "a fox", "model": "flux-2-klein-4b", "size": "256x256"}
        answer = requests.post(origin + EDITS, json=body, timeout=LONGEST)
        assert answer.status_code in {200, 400}, answer.text[:500]
        assert process.memory_info().rss < MEMORY_LIMIT


def test_the_server_still_works_afterwards(server: tuple[str, psutil.Process]) -> None:
    origin, process = server
    answer = requests.post(origin + GENERATIONS, json=PROMPT | {"size": "256x256"}, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.text)["data"][0]["url"].startswith(origin)
    assert process.memory_info().rss < MEMORY_LIMIT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux remembers the most memory that a process had")
def test_at_no_moment_was_there_more(server: tuple[str, psutil.Process]) -> None:
    _, process = server
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    assert int(peak[1]) * 1024 < MEMORY_LIMIT


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
