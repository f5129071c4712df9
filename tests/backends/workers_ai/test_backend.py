from __future__ import annotations

import asyncio
import io
import socket
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

from cloudflare_image_mcp.backends.workers_ai.retry import RetryPolicy
from cloudflare_image_mcp.catalog import Operation, Size, models
from cloudflare_image_mcp.errors import EditRefused, GatewayError
from cloudflare_image_mcp.imagefile.payload import Base64Payload
from tests.backends.workers_ai.conftest import LIGHTNING, backend_at, call, image
from tests.emulator.calling import DREAMSHAPER, IMG2IMG, INPAINTING, KLEIN, PHOENIX, SCHNELL, SDXL, emulating, stats

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.backend import WorkersAIBackend
    from cloudflare_image_mcp.imagefile.image import Image

DEV = "@cf/black-forest-labs/flux-2-dev"
ALL = {
    "negative_prompt": "rain",
    "steps": 4,
    "guidance": 3.5,
    "seed": 0,
}


@pytest.mark.parametrize("model", [model for model in models() if model not in {IMG2IMG, INPAINTING}])
async def test_every_model_gets_the_fields_of_its_schema_and_no_other(model: str) -> None:
    """The plan sends what the abilities name; the emulator counts the rest."""
    with emulating() as address:
        async with backend_at(address) as backend:
            abilities = backend.abilities(models()[model])
            values = {name: value for name, value in ALL.items() if name in abilities.parameters}
            size = abilities.sizes.nearest(Size(256, 256))
            rendered = await backend.run(call(model, size=size, **values))
        fields = stats(address)["fields"]
    assert rendered.image.size == size
    assert fields == {"unknown": {}, "misnamed": {}, "out_of_range": {}}


async def test_an_empty_negative_prompt_is_not_sent() -> None:
    with emulating() as address:
        async with backend_at(address) as backend:
            await backend.run(call(PHOENIX, negative_prompt=""))


async def test_seed_0_is_a_seed() -> None:
    with emulating() as address:
        async with backend_at(address) as backend:
            first, again = [await (await backend.run(call(seed=0))).image.payload.read() for _ in range(2)]
    assert first == again


async def test_base64_is_not_decoded() -> None:
    with emulating() as address:
        async with backend_at(address) as backend:
            rendered = await backend.run(call(SCHNELL, size=Size(1024, 1024)))
    assert isinstance(rendered.image.payload, Base64Payload)
    assert rendered.image.size == (1024, 1024)


async def test_neurons_are_reported_or_worked_out_and_added_up() -> None:
    with emulating() as address:
        async with backend_at(address) as backend:
            reported = await backend.run(call(SCHNELL, size=Size(1024, 1024), steps=2))
            worked_out = await backend.run(call(PHOENIX, size=Size(512, 512), steps=10))
            free = await backend.run(call(LIGHTNING))
            spent = await backend.neurons.spent(date(2026, 11, 23))
        assert stats(address)["accounts"]["demo"]["spent_neurons"] == pytest.approx(96 + 630)
    assert (reported.neurons, worked_out.neurons, free.neurons) == (96.0, 630.0, None)
    assert spent == {"demo": 726.0}


@pytest.mark.parametrize("operation", [Operation.EDIT, Operation.VARY])
async def test_references_are_small_and_truthful(operation: Operation) -> None:
    """A photograph of 2000 x 1500 with transparency, and a small one."""
    images = (await image((2000, 1500), "RGBA", (200, 30, 30, 128)), await image((300, 200)))
    with emulating() as address:
        async with backend_at(address) as backend:
            prompt = "" if operation is Operation.VARY else "make it blue"
            rendered = await backend.run(call(KLEIN, operation=operation, prompt=prompt, images=images))
            assert rendered.neurons is not None
        assert stats(address)["fields"] == {"unknown": {}, "misnamed": {}, "out_of_range": {}}
        assert stats(address)["answers"] == {"200": 1}
    inputs = (511 * 383 + 300 * 200) / 512**2
    assert rendered.neurons == pytest.approx(26.05 / 4 + 5.37 * inputs, abs=0.1)


async def test_inpainting_gets_the_files_bytes(source: Image, mask: Image) -> None:
    with emulating() as address:
        async with backend_at(address) as backend:
            values: dict[str, Any] = {"images": (source,), "mask": mask, "strength": 0.5, "seed": 1}
            await backend.run(call(INPAINTING, operation=Operation.EDIT, **values))
        assert stats(address)["fields"] == {"unknown": {}, "misnamed": {}, "out_of_range": {}}


@pytest.mark.parametrize("model", [SDXL, DREAMSHAPER, IMG2IMG])
async def test_an_edit_that_the_service_refuses(model: str, source: Image) -> None:
    with emulating() as address:
        async with backend_at(address) as backend:
            with pytest.raises(EditRefused):
                await backend.run(call(model, operation=Operation.EDIT, images=(source,), strength=0.5))
        assert sum(stats(address)["answers"].values()) == 1


@pytest.mark.parametrize("model", [SDXL, DREAMSHAPER, IMG2IMG])
async def test_an_edit_as_documented(model: str, source: Image, mask: Image) -> None:
    with emulating(mode="documented") as address:
        async with backend_at(address) as backend:
            values: dict[str, Any] = {"images": (source,), "mask": mask, "strength": 0.5, "seed": 1}
            rendered = await backend.run(call(model, operation=Operation.EDIT, **values))
        assert stats(address)["fields"] == {"unknown": {}, "misnamed": {}, "out_of_range": {}}
    assert rendered.image.size == (256, 256)


@pytest.mark.parametrize("row", ["3007", "3008", "3040", "3043", "3046", "drop", "cut", "empty", "truncate"])
async def test_what_may_pass_is_tried_again(row: str) -> None:
    with emulating(faults=f"{row}:0.5", seed=3) as address:
        async with backend_at(address, retry=RetryPolicy(retries=50, first=0.01, longest=0.02)) as backend:
            await asyncio.gather(*[backend.run(call(seed=1)) for _ in range(8)])
            assert sum(backend.traffic.retries.values()) == stats(address)["faults"][row] > 0
            assert backend.traffic.images == 8


@pytest.mark.parametrize("row", ["3010", "3030-nsfw", "3030-undecodable", "5006", "5007", "5028", "7000-form"])
async def test_what_will_not_pass_is_not_tried_again(row: str) -> None:
    with emulating(faults=f"{row}:1") as address:
        async with backend_at(address) as backend:
            with pytest.raises(GatewayError):
                await backend.run(call(seed=1))
        assert sum(stats(address)["answers"].values()) == 1


async def test_a_flagged_result_is_tried_once_more() -> None:
    with emulating(faults="flagged:1") as address:
        async with backend_at(address) as backend:
            with pytest.raises(GatewayError) as caught:
                await backend.run(call(seed=1))
        assert (caught.value.kind, stats(address)["answers"]) == ("content_policy_violation", {"3030": 2})


async def test_a_flagged_result_is_tried_with_another_seed() -> None:
    """The emulator flags half of the pictures, and each of them every time: with the same seed none would come."""
    with emulating(faults="flagged:0.5", seed=6) as address:
        async with backend_at(address) as backend:
            made = {seed: await backend.run(call(seed=seed)) for seed in await passing(backend)}
            again = {seed: await backend.run(call(seed=seed)) for seed in made}
            moved = {seed: rendered for seed, rendered in made.items() if rendered.seed is not None}
            for seed, rendered in moved.items():
                other = (seed + 8) % 2**32
                assert rendered.seed == other
                assert rendered.warnings == (f"the output for seed {seed} was flagged; seed {other} made this one",)
                direct = await backend.run(call(seed=other))
                assert await direct.image.payload.read() == await rendered.image.payload.read()
    assert {0, 2**32 - 1} & moved.keys()
    assert 0 < len(moved) < len(made)
    assert all(not rendered.warnings for seed, rendered in made.items() if seed not in moved)
    assert {seed: rendered.seed for seed, rendered in again.items()} == {s: r.seed for s, r in made.items()}


async def passing(backend: WorkersAIBackend) -> list[int]:
    """Seeds of which one of two tries is not flagged."""
    found: list[int] = []
    for seed in (*range(6), 2**32 - 2, 2**32 - 1):
        with suppress(GatewayError):
            await backend.run(call(seed=seed))
            found.append(seed)
    return found


async def test_a_flagged_result_of_a_model_without_seeds_is_only_tried_again() -> None:
    with emulating(faults="flagged:0.5", seed=9) as address:
        async with backend_at(address) as backend:
            rendered = await backend.run(call(SCHNELL, size=Size(1024, 1024)))
            assert backend.traffic.retries == {"3030": 1}
    assert (rendered.seed, rendered.warnings) == (None, ())


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("3007", "upstream_timeout"),
        ("3021", "rate_limit_exceeded"),
        ("3040", "overloaded"),
        ("3043", "upstream_error"),
        ("drop", "upstream_error"),
        ("empty", "upstream_error"),
    ],
)
async def test_what_does_not_pass_ends_in_its_error(row: str, kind: str) -> None:
    with emulating(faults=f"{row}:1") as address:
        async with backend_at(address, retry=RetryPolicy(retries=2, first=0.01, longest_obeyed=0.5)) as backend:
            with pytest.raises(GatewayError) as caught:
                await backend.run(call(seed=1))
    assert caught.value.kind == kind


async def test_an_unreachable_service() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with backend_at(address, retry=RetryPolicy(retries=1, first=0.01)) as backend:
            with pytest.raises(GatewayError) as caught:
                await backend.run(call())
    assert (caught.value.kind, caught.value.message) == (
        "upstream_error",
        "Workers AI could not be reached: no connection.",
    )


async def test_a_retry_after_that_is_too_long_is_handed_on() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        body = b'{"errors":[{"message":"busy","code":3040}],"success":false,"result":{},"messages":[]}'
        head = f"HTTP/1.1 429 Too Many Requests\r\nretry-after: 90\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, backend_at(f"http://{host}:{port}") as backend:
        with pytest.raises(GatewayError) as caught:
            await backend.run(call())
    assert (caught.value.kind, caught.value.retry_after) == ("overloaded", 90)


async def test_calls_go_through_an_ai_gateway_but_for_forms() -> None:
    with emulating() as address:
        async with backend_at(address, ai_gateway="default") as backend:
            await backend.run(call(LIGHTNING))
            await backend.run(call(SCHNELL, size=Size(1024, 1024)))
            await backend.run(call(KLEIN))
        async with backend_at(address, ai_gateway="none") as backend:
            await backend.run(call(KLEIN))
            with pytest.raises(GatewayError) as caught:
                await backend.run(call(LIGHTNING))
    assert caught.value.kind == "upstream_error"
    assert "code 2001" in caught.value.message


async def test_the_bytes_decide_the_type() -> None:
    """Lightning says PNG and sends JPEG."""
    with emulating() as address:
        async with backend_at(address) as backend:
            rendered = await backend.run(call(LIGHTNING))
    data = await rendered.image.payload.read()
    assert (rendered.image.format.name, Pillow.open(io.BytesIO(data)).format) == ("JPEG", "JPEG")
