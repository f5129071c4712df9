"""The way of an image through the core, over the real store, the real pixels and the real engine; where the engine has
to misbehave, over one that does so on demand.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.waiting import LONGEST

from cloudflare_image_mcp.backends.local import LocalBackend
from cloudflare_image_mcp.backends.workers_ai.wire import abilities_of
from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core.fallbacks import Fallbacks
from cloudflare_image_mcp.core.gateway import Gateway
from cloudflare_image_mcp.core.model_names import ModelNames, find_model
from cloudflare_image_mcp.core.parsing import parse_request
from cloudflare_image_mcp.core.ports import Rendered
from cloudflare_image_mcp.core.prepared import Options
from cloudflare_image_mcp.core.refusals import REMEMBERED, Refusals
from cloudflare_image_mcp.errors import EditRefused, GatewayError
from cloudflare_image_mcp.fetcher.guarded import GuardedFetcher
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import Base64Payload, BytesPayload
from cloudflare_image_mcp.imaging.pixels import PillowPixels
from cloudflare_image_mcp.storage.memory import MemoryStore
from cloudflare_image_mcp.storage.opening import open_store
from cloudflare_image_mcp.storage.record import Expiry
from cloudflare_image_mcp.system import Background, SystemClock, SystemIds

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.core.ports import Backend, Call, ImageStore, OnPartial
    from cloudflare_image_mcp.core.result import ImageResult

NAMES = ModelNames(find_model("flux-1-schnell"), find_model("flux-2-klein-4b"))
EDITS_FALL_BACK = Fallbacks(editor=NAMES.default_edit)


class Gate(NamedTuple):
    """Where an engine waits in the midst of its work."""

    reached: asyncio.Event
    opened: asyncio.Event


class Scripted:
    """A backend of Workers AI's abilities whose every call is answered by ``script``."""

    name = "workers-ai"
    trained = True
    billed = True
    engine: str | None = None

    def __init__(self, script: Callable[[Call], bytes | Exception]) -> None:
        self.calls: list[Call] = []
        self.gate: Gate | None = None
        self._script = script

    def abilities(self, model: Model) -> Abilities:
        return abilities_of(model)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        self.calls.append(call)
        if self.gate is not None:
            self.gate.reached.set()
            await self.gate.opened.wait()
        answer = self._script(call)
        if isinstance(answer, Exception):
            raise answer
        return Rendered(image=await Image.sniff(BytesPayload(answer)), neurons=10.0)

    async def aclose(self) -> None:
        pass


def gateway(
    backend: Backend,
    background: Background | None = None,
    store: ImageStore | None = None,
    *,
    local: Backend | None = None,
    fallbacks: Fallbacks = EDITS_FALL_BACK,
    **options: Any,
) -> Gateway:
    clock = SystemClock()
    return Gateway(
        backend=backend,
        local=local,
        store=store or open_store("memory:", expiry=None, clock=clock),
        pixels=PillowPixels(),
        fetcher=GuardedFetcher(),
        clock=clock,
        ids=SystemIds(),
        defer=Background() if background is None else background,
        options=Options(names=NAMES, fallbacks=fallbacks, **options),
    )


def plain(call: Call) -> bytes:
    """A JPEG of the size that was to be rendered, as Workers AI answers."""
    return jpeg(call.size, (30, 90, 200))


def jpeg(size: Size, colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    PillowImage.new("RGB", size, colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def noise(width: int, height: int, seed: int = 1) -> PillowImage.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PillowImage.fromarray(pixels)


def png(picture: PillowImage.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def pixels_of(result: ImageResult, index: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    data = await result.images[index].image.payload.read()
    return np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB"))


def run(core: Gateway, operation: Operation, **fields: Any) -> ImageResult:
    return asyncio.run(core.run(parse_request(operation, fields)))


def test_the_size_asked_for_is_the_size_delivered() -> None:
    for size in ("512x512", "300x700", "1792x1024"):
        result = run(gateway(Scripted(plain)), Operation.GENERATE, prompt="p", size=size, response_format="b64_json")
        assert str(result.images[0].image.size) == size
        assert str(result.size) == size


def test_images_come_back_in_the_order_of_their_seeds() -> None:
    backend = Scripted(lambda call: jpeg(call.size, (call.seed or 0, 0, 0)))
    result = run(gateway(backend), Operation.GENERATE, prompt="p", model="flux-2-dev", n=4, seed=100, size="256x256")
    assert [image.seed for image in result.images] == [100, 101, 102, 103]
    assert len({image.stored.key for image in result.images if image.stored}) == 4
    assert result.neurons == 40


def test_one_failure_of_many_is_a_warning() -> None:
    def script(call: Call) -> bytes | Exception:
        return GatewayError("upstream_error", "it failed") if call.seed == 1 else plain(call)

    result = run(gateway(Scripted(script)), Operation.GENERATE, prompt="p", model="flux-2-dev", n=3, seed=0)
    assert [image.seed for image in result.images] == [0, 2]
    assert "1 of 3 images failed: it failed" in result.warnings


def test_a_defect_in_one_of_many_costs_the_others_nothing() -> None:
    def script(call: Call) -> bytes | Exception:
        return ZeroDivisionError("inner") if call.seed == 0 else plain(call)

    result = run(gateway(Scripted(script)), Operation.GENERATE, prompt="p", model="flux-2-dev", n=3, seed=0)
    assert [image.seed for image in result.images] == [1, 2]
    assert result.warnings == ("1 of 3 images failed: an internal error",)
    with pytest.raises(ZeroDivisionError):
        run(gateway(Scripted(script)), Operation.GENERATE, prompt="p", model="flux-2-dev", n=1, seed=0)


def test_an_image_that_cannot_be_stored_comes_back_unless_it_must_be() -> None:
    core = gateway(Scripted(plain), store=MemoryStore(Expiry(None, SystemClock()), max_bytes=10))
    prepared = asyncio.run(core.prepare(parse_request(Operation.GENERATE, {"prompt": "p"})))
    result = asyncio.run(core.make(prepared))
    assert result.images[0].stored is None
    assert "not stored" in result.warnings[0]
    with pytest.raises(GatewayError) as caught:
        asyncio.run(core.carry_out(prepared))
    assert caught.value.kind == "storage_error"


def test_all_failed_is_the_first_error() -> None:
    failing = Scripted(lambda call: GatewayError("overloaded", f"no capacity for {call.seed}"))
    with pytest.raises(GatewayError, match="no capacity for 5"):
        run(gateway(failing), Operation.GENERATE, prompt="p", model="flux-2-dev", n=3, seed=5)


def test_an_answer_that_does_not_decode_is_an_upstream_error() -> None:
    sound = bytearray(png(noise(1024, 1024)))
    sound[5000:9000] = bytes(4000)
    broken = Scripted(lambda call: bytes(sound))
    with pytest.raises(GatewayError) as caught:
        run(gateway(broken), Operation.GENERATE, prompt="p", size="512x512")
    assert caught.value.kind == "upstream_error"


def test_base64_that_needs_nothing_is_never_decoded() -> None:
    text = base64.b64encode(jpeg(Size(1024, 1024), (9, 9, 9)))

    class Spliced(Scripted):
        async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
            return Rendered(image=await Image.sniff(Base64Payload(text)))

    result = run(gateway(Spliced(plain)), Operation.GENERATE, prompt="p", response_format="b64_json")
    payload = result.images[0].image.payload
    assert isinstance(payload, Base64Payload)
    assert payload.parts[-1] is text or text.endswith(payload.parts[-1])


@pytest.mark.parametrize("model", ["flux-2-klein-4b", "stable-diffusion-xl-base-1.0"])
def test_outside_the_mask_every_pixel_is_the_originals(model: str) -> None:
    original = noise(320, 288)
    mask = PillowImage.new("RGBA", original.size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (100, 90, 200, 190))
    result = run(gateway(Scripted(plain)), Operation.EDIT, prompt="p", model=model, image=png(original), mask=png(mask))
    after, before = asyncio.run(pixels_of(result)), np.asarray(original)
    outside = np.ones(before.shape[:2], bool)
    outside[90:190, 100:200] = False
    assert after.shape == before.shape
    assert (after[outside] == before[outside]).all()
    assert np.abs(after[110:170, 120:180].astype(int) - (30, 90, 200)).max() < 8


def test_a_refused_edit_falls_back_and_the_refusal_is_remembered() -> None:
    def script(call: Call) -> bytes | Exception:
        refusal = EditRefused("no image input", lacks_input=True)
        return refusal if call.model.short_name == "dreamshaper-8-lcm" else plain(call)

    backend = Scripted(script)
    core = gateway(backend)
    fields = {"prompt": "p", "model": "dreamshaper-8-lcm", "image": png(noise(256, 256)), "n": 3}
    first = run(core, Operation.EDIT, **fields)
    assert first.model.short_name == "flux-2-klein-4b"
    assert "dreamshaper-8-lcm is refused for edits by workers-ai; flux-2-klein-4b made this one" in first.warnings
    run(core, Operation.EDIT, **fields)
    assert Counter(call.model.short_name for call in backend.calls) == {"dreamshaper-8-lcm": 1, "flux-2-klein-4b": 6}


class StoppedClock(SystemClock):
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


def test_a_remembered_refusal_is_for_one_operation_and_expires() -> None:
    clock = StoppedClock()
    refusals, model = Refusals(clock), find_model("dreamshaper-8-lcm")
    refusals.add(model, Operation.EDIT)
    assert refusals.include(model, Operation.EDIT)
    assert not refusals.include(model, Operation.VARY)
    assert not refusals.include(find_model("stable-diffusion-xl-base-1.0"), Operation.EDIT)
    clock.seconds += REMEMBERED
    assert not refusals.include(model, Operation.EDIT)


def test_a_refusal_of_one_request_or_account_is_not_remembered() -> None:
    """The request falls back; the next one asks the model again."""
    answers = iter([EditRefused("unexpected shape"), None, None])

    def script(call: Call) -> bytes | Exception:
        return next(answers) or plain(call)

    backend = Scripted(script)
    core = gateway(backend)
    fields = {"prompt": "p", "model": "stable-diffusion-v1-5-inpainting", "image": png(noise(256, 256))}
    fields["mask"] = png(PillowImage.new("L", (256, 256), 255))
    names = [run(core, Operation.EDIT, **fields).model.short_name for _ in range(2)]
    assert names == ["flux-2-klein-4b", "stable-diffusion-v1-5-inpainting"]


def test_without_the_fallback_a_refused_edit_is_an_error() -> None:
    core = gateway(Scripted(lambda call: EditRefused("no image input")), fallbacks=Fallbacks())
    with pytest.raises(EditRefused, match="no image input"):
        run(core, Operation.EDIT, prompt="p", model="dreamshaper-8-lcm", image=png(noise(256, 256)))


def test_a_caller_that_goes_away_does_not_lose_the_image() -> None:
    backend, background = Scripted(plain), Background()
    core = gateway(backend, background)
    assert asyncio.run(hang_up(core, backend, background)) == 1
    assert len(backend.calls) == 1


def test_a_failure_after_the_caller_has_gone_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    backend, background = Scripted(lambda _: GatewayError("overloaded", "no capacity")), Background()
    assert asyncio.run(hang_up(gateway(backend, background), backend, background)) == 0
    assert [(record.levelname, "no capacity" in record.getMessage()) for record in caplog.records] == [("ERROR", True)]


async def hang_up(core: Gateway, backend: Scripted, background: Background) -> int:
    """Goes away while the engine is at work; how many images are stored once the engine is done."""
    gate = backend.gate = Gate(asyncio.Event(), asyncio.Event())
    request = parse_request(Operation.GENERATE, {"prompt": "p", "response_format": "b64_json"})
    caller = asyncio.ensure_future(core.run(request))
    await gate.reached.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await core.store.list() == []
    gate.opened.set()
    assert await background.drain(LONGEST) == 0
    return len(await core.store.list())


def test_what_is_stored_knows_how_it_was_result_of() -> None:
    result = run(gateway(Scripted(plain)), Operation.GENERATE, prompt="a fox", model="flux-2-dev", seed=7)
    stored = result.images[0].stored
    assert stored is not None
    assert stored.media_type == "image/jpeg"
    assert stored.details["prompt"] == "a fox"
    assert stored.details["seed"] == "7"
    assert stored.details["model"] == "@cf/black-forest-labs/flux-2-dev"
    silent = run(gateway(Scripted(plain), stamp_prompt=False), Operation.GENERATE, prompt="a fox").images[0].stored
    assert silent is not None
    assert "prompt" not in silent.details


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_output_format_is_the_one_asked_for(kind: str) -> None:
    result = run(gateway(Scripted(plain)), Operation.GENERATE, prompt="p", output_format=kind, size="256x256")
    assert result.output_format is ImageFormat(kind)
    assert PillowImage.open(io.BytesIO(asyncio.run(result.images[0].image.payload.read()))).format == kind.upper()


def test_an_undecodable_input_is_the_callers_fault() -> None:
    broken = bytearray(png(noise(64, 64)))
    broken[200:400] = bytes(200)
    with pytest.raises(GatewayError) as caught:
        run(gateway(Scripted(plain)), Operation.EDIT, prompt="p", **{"image[]": bytes(broken)})
    assert (caught.value.kind, caught.value.param) == ("invalid_image", "image[]")


def test_input_images_have_no_more_bytes_together_than_a_body() -> None:
    """Each of them may come by a short name or URL, sixteen times over."""
    core = gateway(Scripted(plain))

    async def named() -> list[str]:
        image = await Image.of_bytes(png(noise(2000, 2000)))
        keys = [f"{'a' * 21}{index}.png" for index in range(8)]
        for key in keys:
            await core.store.put(key, image, {})
        return [f"image://{key}" for key in keys]

    with pytest.raises(GatewayError) as caught:
        run(core, Operation.EDIT, prompt="p", images=asyncio.run(named()))
    assert (caught.value.kind, caught.value.param) == ("invalid_image", "images[5]")
    assert "64 MiB" in caught.value.message


def test_an_earlier_result_is_an_input_by_its_name() -> None:
    core = gateway(Scripted(plain))

    async def chain() -> ImageResult:
        first = await core.run(parse_request(Operation.GENERATE, {"prompt": "p", "size": "256x256"}))
        stored = first.images[0].stored
        assert stored is not None
        fields = {"prompt": "p", "image": f"image://{stored.key}"}
        return await core.run(parse_request(Operation.EDIT, fields))

    assert asyncio.run(chain()).size == Size(256, 256)


def test_the_engine_repeats_itself_and_shows_its_work() -> None:
    core = gateway(LocalBackend())
    seen: list[int] = []

    async def partial(index: int, image: Image) -> None:
        assert image.size == Size(320, 256)
        seen.append(index)

    first, second = asyncio.run(_two(core, partial))
    assert (first == second).all()
    assert sorted(seen) == [0, 1]


async def _two(core: Gateway, partial: OnPartial) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    fields = {"prompt": "a red apple", "seed": 5, "size": "320x256", "partial_images": 2}
    request = parse_request(Operation.GENERATE, fields)
    return [await pixels_of(await core.run(request, partial)), await pixels_of(await core.run(request))]


@pytest.mark.parametrize(
    ("model", "size", "warnings"),
    [
        ("flux-1-schnell", "512x512", ()),
        ("flux-1-schnell", "1792x1024", ("the image was rendered at 1024x1024 and enlarged and cropped to 1792x1024",)),
        ("flux-1-schnell", "2048x2048", ("the image was rendered at 1024x1024 and enlarged to 2048x2048",)),
        ("flux-1-schnell", "1024x512", ("the image was rendered at 1024x1024 and cropped to 1024x512",)),
        ("flux-2-dev", "1024x768", ()),
    ],
)
def test_an_image_that_was_enlarged_or_cropped_says_from_what_size(
    model: str, size: str, warnings: tuple[str, ...]
) -> None:
    result = run(gateway(Scripted(plain)), Operation.GENERATE, prompt="p", model=model, size=size, n=2)
    assert result.warnings == warnings


def test_under_the_names_of_gpt_image_the_images_are_png() -> None:
    def made(**fields: Any) -> list[ImageFormat]:
        result = run(gateway(Scripted(plain)), Operation.GENERATE, prompt="p", **fields)
        return [image.image.format for image in result.images]

    assert made(model="gpt-image-1") == [ImageFormat.PNG]
    assert made(model="openai/GPT-Image-2") == [ImageFormat.PNG]
    assert made(model="gpt-image-1", output_format="webp") == [ImageFormat.WEBP]
    assert made(model="dall-e-3") == made(model="flux-1-schnell") == [ImageFormat.JPEG]
    assert len(made(model="gpt-image-1", n=10)) == 10


@pytest.mark.parametrize(("model", "masked"), [("dall-e-2", True), ("openai/dall-e-2", True), ("gpt-image-1", False)])
def test_an_edit_of_dall_e_2_without_a_mask_repaints_the_transparent_parts(model: str, masked: bool) -> None:
    picture = noise(256, 256).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 128, 256))
    result = run(gateway(Scripted(plain)), Operation.EDIT, prompt="p", model=model, image=png(picture), size="256x256")
    pixels = asyncio.run(pixels_of(result))
    assert np.array_equal(pixels[:, 128:], np.asarray(picture.convert("RGB"))[:, 128:]) == masked
    assert np.abs(pixels[:, :120].astype(int) - (30, 90, 200)).max() < 8


def test_an_opaque_image_of_dall_e_2_is_edited_as_a_whole() -> None:
    picture = noise(256, 256).convert("RGBA")
    result = run(gateway(Scripted(plain)), Operation.EDIT, prompt="p", model="dall-e-2", image=png(picture))
    assert np.abs(asyncio.run(pixels_of(result)).astype(int) - (30, 90, 200)).max() < 8


@pytest.mark.parametrize("name", ["reference_images", "input_images", "referenceImages", "image_urls", "init_image"])
def test_images_under_the_names_of_other_tools(name: str) -> None:
    url = "data:image/png;base64," + base64.b64encode(png(noise(256, 256))).decode()
    backend = Scripted(plain)
    run(gateway(backend), Operation.EDIT, prompt="p", **{name: [url, url]})
    assert len(backend.calls[0].images) == 2
