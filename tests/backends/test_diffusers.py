"""The diffusion engine with a real pipeline of random weights, loaded as a user's own is."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import requests
from PIL import Image as PillowImage

from cloudflare_image_mcp.backends.diffusers import DiffusersBackend
from cloudflare_image_mcp.backends.diffusers.painter import preview_steps, steps_for
from cloudflare_image_mcp.catalog import Operation, Size, models
from cloudflare_image_mcp.core.ports import Call
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.provenance import SourceType, read_provenance
from tests.backends.tiny_pipeline import TOKENS, save_consistency_pipeline, save_pipeline
from tests.live import gateway
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudflare_image_mcp.core.ports import Rendered

for _package in ("torch", "diffusers", "transformers", "accelerate"):
    pytest.importorskip(_package, reason=f"{_package} is not installed: scripts/diffusers-test runs this file")

pytestmark = pytest.mark.filterwarnings("ignore")  # of other people's packages, whose versions are theirs

MODEL = models()["@cf/lykon/dreamshaper-8-lcm"]
SIZE = Size(64, 64)
HTTP_SIZE = Size(256, 256)
"""The smallest size that the API takes."""


@dataclass
class Watch:
    """Names looked up and addresses connected to beyond this machine, while it is on."""

    on: bool = False
    seen: list[str] = field(default_factory=list)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in {"socket.connect", "socket.getaddrinfo"}:
            self.seen.append(f"{event}{arguments[-1] if event == 'socket.connect' else arguments[0]}")


WATCH = Watch()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved pipeline."""
    import torch

    # The tensors are so small that threads would only wait for each other.
    torch.set_num_threads(1)
    return save_pipeline(tmp_path_factory.mktemp("models") / "tiny-diffusion")


@pytest.fixture(scope="module")
def backend(folder: Path) -> Iterator[DiffusersBackend]:
    """An engine that has made one image."""
    sys.addaudithook(WATCH.hook)  # an audit hook cannot be removed, hence the switch
    backend = DiffusersBackend(str(folder))
    WATCH.on = True
    painted(backend)
    WATCH.on = False
    yield backend
    asyncio.run(backend.aclose())


@pytest.fixture(scope="module")
def source() -> PillowImage.Image:
    """Stripes and a ramp."""
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    stripes = np.tile(np.repeat(np.array([40, 200], np.uint8), 8), 4)
    return PillowImage.fromarray(
        np.dstack([np.tile(ramp, (64, 1)), np.tile(stripes, (64, 1)).T, np.full((64, 64), 90)]).astype(np.uint8)
    )


def as_image(picture: PillowImage.Image) -> Image:
    return asyncio.run(Image.of_bytes(png(picture)))


def png(picture: PillowImage.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def half_mask(size: Size) -> PillowImage.Image:
    """The right half is repainted."""
    mask = PillowImage.new("L", size, 0)
    mask.paste(255, (size.width // 2, 0, *size))
    return mask


def call(**fields: Any) -> Call:
    given: dict[str, Any] = {
        "operation": Operation.GENERATE,
        "prompt": "a red fox",
        "size": SIZE,
        "seed": 1,
        "steps": 2,
        "guidance": 5,
    }
    return Call(model=MODEL, **given | fields)


def painted(backend: DiffusersBackend, **fields: Any) -> Rendered:
    return asyncio.run(backend.run(call(**fields)))


def data(rendered: Rendered) -> bytes:
    return asyncio.run(rendered.image.payload.read())


def pixels(encoded: bytes) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(PillowImage.open(io.BytesIO(encoded)).convert("RGB")).astype(np.int16)


def distance(one: bytes, other: bytes) -> float:
    """Mean difference of a channel, 0 to 255."""
    return float(np.abs(pixels(one) - pixels(other)).mean())


# What the parameters do


def test_equal_seeds_give_equal_bytes_and_others_give_others(backend: DiffusersBackend, folder: Path) -> None:
    first = data(painted(backend))
    assert data(painted(backend)) == first
    assert data(painted(DiffusersBackend(str(folder)))) == first
    assert distance(first, data(painted(backend, seed=2))) > 5


@pytest.mark.parametrize(
    "changed",
    [{"prompt": "quite another thing"}, {"steps": 3}, {"guidance": 12}, {"negative_prompt": "fog and grain"}],
    ids=lambda changed: next(iter(changed)),
)
def test_every_parameter_counts(backend: DiffusersBackend, changed: dict[str, Any]) -> None:
    assert data(painted(backend)) != data(painted(backend, **changed))


def test_strength_is_the_distance_from_the_source(backend: DiffusersBackend, source: PillowImage.Image) -> None:
    edit = {"operation": Operation.EDIT, "images": (as_image(source),), "steps": 4}
    results = [data(painted(backend, strength=strength, **edit)) for strength in (0, 0.25, 1)]
    assert np.array_equal(pixels(results[0]), np.asarray(source))
    assert len(set(results)) == 3


def test_a_mask_says_what_is_repainted(backend: DiffusersBackend, source: PillowImage.Image) -> None:
    right = half_mask(SIZE)
    masks = {"none": PillowImage.new("L", SIZE, 0), "right": right, "left": right.rotate(180)}
    edit = {"operation": Operation.EDIT, "images": (as_image(source),), "strength": 1.0, "steps": 3}
    # The latents, because a decoder's group norm lets each pixel hang on all of them.
    latents: list[Any] = []
    hook = backend._painter.text_to_image.vae.post_quant_conv.register_forward_pre_hook(
        lambda _module, inputs: latents.append(inputs[0].numpy())
    )
    files = {side: data(painted(backend, mask=as_image(mask), **edit)) for side, mask in masks.items()}
    hook.remove()
    none, changed_right, changed_left = latents
    for made, redone, kept in (
        (changed_right, np.s_[..., 4:], np.s_[..., :4]),
        (changed_left, np.s_[..., :4], np.s_[..., 4:]),
    ):
        assert np.array_equal(made[kept], none[kept])
        assert np.abs(made[redone] - none[redone]).mean() > 0.1
    assert len(set(files.values())) == 3


def test_a_variation_needs_no_prompt(backend: DiffusersBackend, source: PillowImage.Image) -> None:
    variations = [
        data(painted(backend, operation=Operation.VARY, prompt="", images=(as_image(source),), seed=seed))
        for seed in (1, 2)
    ]
    assert variations[0] != variations[1]


def test_sizes_are_rounded_to_what_a_latent_covers(backend: DiffusersBackend) -> None:
    rule = backend.abilities(MODEL).sizes
    assert rule.nearest(Size(70, 100)) == Size(72, 104)
    assert rule.nearest(Size(2048, 1024)) == Size(1024, 512)
    assert painted(backend, size=Size(72, 104)).image.size == Size(72, 104)


def test_what_has_no_effect_is_a_warning(backend: DiffusersBackend) -> None:
    warnings = painted(backend, negative_prompt="fog", guidance=1.0, prompt="x" * 100).warnings
    assert warnings == (
        "negative_prompt has no effect at guidance 1; it needs more than 1",
        f"the prompt has 102 tokens; the model reads the first {TOKENS}",
    )
    assert painted(backend).warnings == ()


@pytest.mark.parametrize(("steps", "strength", "needed"), [(4, 0.7, 4), (4, 0.2, 5), (20, 0.001, 1000), (4, 0, None)])
def test_a_schedule_is_long_enough_for_one_step(steps: int, strength: float, needed: int | None) -> None:
    assert steps_for(steps, strength) == needed


# While it paints


@pytest.mark.parametrize(("steps", "asked", "shown"), [(6, 0, 0), (6, 2, 2), (6, 3, 3), (3, 3, 2), (1, 3, 0)])
def test_partial_images_come_in_order_and_differ(backend: DiffusersBackend, steps: int, asked: int, shown: int) -> None:
    seen: list[tuple[int, bytes]] = []

    async def on_partial(index: int, image: Image) -> None:
        assert image.size == SIZE
        seen.append((index, await image.payload.read()))

    async def run() -> bytes:
        rendered = await backend.run(call(steps=steps, partial_images=asked), on_partial)
        return await rendered.image.payload.read()

    final = asyncio.run(run())
    assert [index for index, _ in seen] == list(range(shown))
    assert len({*(encoded for _, encoded in seen), final}) == shown + 1
    assert final == data(painted(backend, steps=steps))


def test_partial_images_are_spread_over_the_steps() -> None:
    assert preview_steps(20, 3) == {5, 10, 15}
    assert preview_steps(4, 3) == {1, 2, 3}


class StepCount:
    """How often the network ran, and an event for the first time."""

    def __init__(self, backend: DiffusersBackend) -> None:
        self.ran, self.begun = 0, asyncio.Event()
        self._loop = asyncio.get_running_loop()
        backend._painter.text_to_image.unet.register_forward_pre_hook(self._count)

    def _count(self, *_: object) -> None:
        self.ran += 1
        self._loop.call_soon_threadsafe(self.begun.set)


def test_a_cancelled_call_stops_at_the_next_step_and_a_waiting_one_never_starts(folder: Path) -> None:
    async def run() -> None:
        backend = DiffusersBackend(str(folder))
        await backend.run(call())
        steps = StepCount(backend)
        working, waiting = (asyncio.ensure_future(backend.run(call(steps=500))) for _ in range(2))
        await steps.begun.wait()
        for task in (waiting, working):
            task.cancel()
        errors = await asyncio.gather(working, waiting, return_exceptions=True)
        assert [type(error) for error in errors] == [asyncio.CancelledError] * 2
        stopped_at = steps.ran
        # One thread: this call's steps come after those of the stopped one, which may have been amid its last.
        await backend.run(call(steps=3))
        assert 3 <= steps.ran - stopped_at <= 5
        await backend.aclose()

    asyncio.run(run())


def test_closing_stops_the_work_and_says_so(folder: Path) -> None:
    async def run() -> None:
        backend = DiffusersBackend(str(folder))
        await backend.run(call())
        steps = StepCount(backend)
        working = asyncio.ensure_future(backend.run(call(steps=500)))
        await steps.begun.wait()
        await backend.aclose()
        with pytest.raises(GatewayError, match="the server stopped before the image was done") as caught:
            await working
        assert caught.value.row.status == 503
        assert steps.ran < 500

    asyncio.run(run())


def test_one_picture_at_a_time(backend: DiffusersBackend) -> None:
    async def run() -> list[bytes]:
        made = await asyncio.gather(*(backend.run(call(seed=seed)) for seed in (1, 2, 1, 2)))
        return [await one.image.payload.read() for one in made]

    side_by_side = asyncio.run(run())
    assert side_by_side == [data(painted(backend, seed=seed)) for seed in (1, 2, 1, 2)]


# The model


def test_a_folder_is_loaded_without_the_network(backend: DiffusersBackend) -> None:
    assert backend.name == "local"
    assert WATCH.seen == []


def test_a_model_that_does_not_load_is_an_error_in_a_sentence(tmp_path: Path, folder: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for part in folder.iterdir():
        (broken / part.name).symlink_to(part)
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    (broken / "model_index.json").unlink()
    (broken / "model_index.json").write_text(json.dumps(index | {"_class_name": "NoSuchPipeline"}), "utf-8")
    with pytest.raises(GatewayError, match="DIFFUSERS_MODEL broken does not load") as caught:
        painted(DiffusersBackend(str(broken)))
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.row.status == 500


def test_what_another_pipeline_cannot_do_is_a_warning(tmp_path: Path, source: PillowImage.Image) -> None:
    backend = DiffusersBackend(str(save_consistency_pipeline(tmp_path / "tiny-lcm")))
    made = painted(backend, negative_prompt="fog")
    assert made.warnings == ("negative_prompt is not supported by LatentConsistencyModelPipeline and was ignored",)
    edit = {"operation": Operation.EDIT, "images": (as_image(source),)}
    edited, masked = painted(backend, **edit), painted(backend, mask=as_image(half_mask(SIZE)), **edit)
    assert data(edited) == data(masked) != data(made)
    assert edited.warnings == ()
    (warning,) = masked.warnings
    assert warning.startswith("LatentConsistencyModelImg2ImgPipeline does not know masks: it changed the whole image, ")


# Over the REST API


@pytest.fixture(scope="module")
def origin(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with this engine."""
    settings = {"LOCAL_ENGINE": "diffusers", "DIFFUSERS_MODEL": str(folder), "DEFAULT_RESPONSE_FORMAT": "b64_json"}
    with gateway(tmp_path_factory.mktemp("images"), **settings) as origin:
        yield origin


def answered(origin: str, task: str, **request: Any) -> tuple[requests.Response, bytes]:
    answer = requests.post(f"{origin}/v1/images/{task}", timeout=LONGEST, **request)
    assert answer.status_code == 200, answer.text
    return answer, base64.b64decode(answer.json()["data"][0]["b64_json"])


def test_a_generation_over_http_says_what_made_it(origin: str, backend: DiffusersBackend) -> None:
    fields = {"prompt": "a red fox", "model": MODEL.id, "size": "300x258", "seed": 1, "steps": 2, "guidance": 5}
    answer, first = answered(origin, "generations", json=fields)
    assert answer.headers["x-image-backend"] == "local"
    assert PillowImage.open(io.BytesIO(first)).size == (300, 258)
    provenance = asyncio.run(stamped(first))
    assert provenance.source_type is SourceType.TRAINED
    assert provenance.model == "tiny-diffusion"
    _, again = answered(origin, "generations", json=fields)
    assert np.array_equal(pixels(first), pixels(again))
    assert backend.trained


async def stamped(encoded: bytes) -> Any:
    return await read_provenance(await Image.of_bytes(encoded))


def test_a_masked_edit_over_http_keeps_what_is_outside(origin: str, source: PillowImage.Image) -> None:
    large, mask = source.resize(HTTP_SIZE), half_mask(HTTP_SIZE)
    fields = {"prompt": "a lake", "model": MODEL.id, "steps": 2, "guidance": 5, "strength": 1, "seed": 1}
    files = {"image": ("a.png", png(large), "image/png"), "mask": ("m.png", png(mask), "image/png")}
    _, edited = answered(origin, "edits", data=fields, files=files)
    assert np.array_equal(pixels(edited)[:, :112], np.asarray(large)[:, :112])
    assert distance(edited, png(large)) > 5
    assert asyncio.run(stamped(edited)).source_type is SourceType.TRAINED_EDIT


def test_a_variation_over_http(origin: str, source: PillowImage.Image) -> None:
    large = png(source.resize(HTTP_SIZE))
    fields = {"model": MODEL.id, "steps": 2, "seed": 1}
    _, varied = answered(origin, "variations", data=fields, files={"image": ("a.png", large, "image/png")})
    assert distance(varied, large) > 5


def test_a_stream_over_http_has_its_partial_images(origin: str) -> None:
    fields = {"prompt": "a fox", "model": MODEL.id, "size": "256x256", "steps": 4, "stream": True, "partial_images": 2}
    answer = requests.post(f"{origin}/v1/images/generations", json=fields, timeout=LONGEST)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    kinds = [event["type"].rpartition(".")[2] for event in events]
    assert kinds == ["partial_image", "partial_image", "completed"], answer.text[:300]
    digests = {hashlib.sha256(event["b64_json"].encode()).hexdigest() for event in events}
    assert len(digests) == 3
