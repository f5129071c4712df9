"""The pipelines over one set of weights: text to image, image to image, inpainting."""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from cloudflare_image_mcp.backends.diffusers.source import ModelSource
    from cloudflare_image_mcp.backends.threads import Show

_log = logging.getLogger(__name__)

MOST_STEPS: Final = 1000
"""Of a schedule: the steps that the models were trained on."""
NO_GUIDANCE: Final = 1.0
"""Up to here a pipeline does not look at the negative prompt: classifier-free guidance, arXiv 2207.12598."""

_OPTIONAL: Final = {"negative_prompt": "negative_prompt", "guidance_scale": "guidance", "strength": "strength"}
"""A pipeline's argument -> the caller's name for it. A pipeline may lack them; then the caller gets a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One picture. ``source`` (RGB) and ``mask`` (L, 255 = repaint) are width x height pixels."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    seed: int
    steps: int
    guidance: float
    strength: float
    source: PillowImage.Image | None
    mask: PillowImage.Image | None
    partial_images: int


@dataclass(frozen=True, slots=True)
class Painting:
    """The picture (H x W x 3, uint8, sRGB) and its warnings."""

    pixels: NDArray[np.uint8]
    warnings: tuple[str, ...] = ()


class Stopped(Exception):
    """Raised between two steps when the call was cancelled."""


class Painter:
    """Loads the model when it is first needed. For one thread at a time: the pipelines share their parts."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source

    @cached_property
    def text_to_image(self) -> Any:
        """Raises ``GatewayError`` when the model does not load."""
        import torch
        from transformers.utils import logging as transformers_logging

        # Before diffusers is imported, which makes it talk.
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        from diffusers import AutoPipelineForText2Image
        from diffusers.utils import logging as diffusers_logging

        diffusers_logging.set_verbosity_error()
        diffusers_logging.disable_progress_bar()
        device, dtype = _device(torch)
        try:
            pipeline = AutoPipelineForText2Image.from_pretrained(
                self._source.location, dtype=dtype, local_files_only=self._source.is_folder
            )
        except Exception as error:
            # The loaders raise many types for a wrong file; the log has the details, the caller a short message.
            _log.exception("DIFFUSERS_MODEL %s does not load", self._source.location)
            raise GatewayError(
                "internal_error", f"DIFFUSERS_MODEL {self._source.name} does not load: {type(error).__name__}"
            ) from None
        _log.info("%s of %s on %s", type(pipeline).__name__, self._source.name, device)
        return _quiet(pipeline.to(device))

    @cached_property
    def image_to_image(self) -> Any:
        """Over the same weights. Raises ``GatewayError`` when there is none for this kind of model."""
        from diffusers import AutoPipelineForImage2Image

        whole = self.text_to_image
        try:
            return _quiet(AutoPipelineForImage2Image.from_pipe(whole))
        except ValueError:
            raise GatewayError(
                "not_supported_here",
                f"DIFFUSERS_MODEL {self._source.name} ({type(whole).__name__}) makes images from text alone",
            ) from None

    @cached_property
    def inpainting(self) -> Any | None:
        """Like ``pipeline``, or None when there is none for this kind of model."""
        from diffusers import AutoPipelineForInpainting

        try:
            return _quiet(AutoPipelineForInpainting.from_pipe(self.text_to_image))
        except ValueError:
            return None

    def paint(self, order: Order, show: Show | None, stopped: Callable[[], bool]) -> Painting:
        """Raises ``GatewayError``, and ``Stopped`` between two steps once ``stopped()`` is true."""
        if stopped():
            raise Stopped
        pipeline = self._pipeline(order)
        steps = order.steps if order.source is None else steps_for(order.steps, order.strength)
        if order.source is not None and steps is None:
            return Painting(np.asarray(order.source))
        import torch

        wanted = {
            "prompt": order.prompt,
            "negative_prompt": order.negative_prompt or None,
            "num_inference_steps": steps,
            "guidance_scale": order.guidance,
            "strength": None if order.source is None else order.strength,
            "image": order.source,
            "mask_image": order.mask,
            "width": order.width,
            "height": order.height,
            # Always on the CPU, so that a seed means the same noise everywhere.
            "generator": torch.Generator("cpu").manual_seed(order.seed),
            "output_type": "pil",
            "callback_on_step_end": _Steps(order, show, stopped),
        }
        takes = inspect.signature(pipeline.__call__).parameters
        arguments = {name: value for name, value in wanted.items() if value is not None and name in takes}
        try:
            made = pipeline(**arguments)
        except torch.OutOfMemoryError:
            raise GatewayError("overloaded", f"{order.width}x{order.height} needs more memory than is free") from None
        if any(getattr(made, "nsfw_content_detected", None) or ()):
            raise GatewayError("content_policy_violation", "the model's safety checker held the image back")
        return Painting(np.asarray(made.images[0].convert("RGB")), _warnings(order, pipeline, takes, wanted))

    def _pipeline(self, order: Order) -> Any:
        if order.source is None:
            return self.text_to_image
        if order.mask is not None and self.inpainting is not None:
            return self.inpainting
        return self.image_to_image


class _Steps:
    """Called after each step: stops cancelled work, hands out partial images."""

    def __init__(self, order: Order, show: Show | None, stopped: Callable[[], bool]) -> None:
        self._order, self._show, self._stopped = order, show, stopped
        self._shown = 0

    def __call__(self, pipeline: Any, step: int, _timestep: object, tensors: dict[str, Any]) -> dict[str, Any]:
        if self._stopped():
            raise Stopped
        total = pipeline.num_timesteps
        _log.debug("step %d of %d", step + 1, total)
        if self._show is not None and step + 1 in preview_steps(total, self._order.partial_images):
            pixels = _decoded(pipeline, tensors["latents"])
            if pixels is not None:
                self._show(self._shown, pixels)
                self._shown += 1
        return tensors


def steps_for(steps: int, strength: float) -> int | None:
    """How long a schedule has to be for ``strength`` of it to be one step at least; None where not even the longest
    is enough: the source stays as it is. (diffusers runs ``int(steps * strength)`` of the steps.)
    """
    return next((n for n in range(steps, MOST_STEPS + 1) if int(n * strength) >= 1), None)


def preview_steps(total: int, partial_images: int) -> frozenset[int]:
    """After which of the steps 1 to ``total`` a preview is shown: evenly spread, and not after the last."""
    wanted = min(partial_images, total - 1)
    return frozenset((index + 1) * total // (wanted + 1) for index in range(wanted))


def _decoded(pipeline: Any, latents: Any) -> NDArray[np.uint8] | None:
    """The picture in the latents, or None for latents that are not plain channels x height x width (FLUX's)."""
    vae = getattr(pipeline, "vae", None)
    if vae is None or latents.ndim != 4 or latents.shape[1] != vae.config.latent_channels:
        return None
    scaled = latents / vae.config.scaling_factor + (getattr(vae.config, "shift_factor", None) or 0)
    image = vae.decode(scaled.to(vae.dtype), return_dict=False)[0]
    return np.asarray(pipeline.image_processor.postprocess(image, output_type="pil")[0].convert("RGB"))


def _warnings(order: Order, pipeline: Any, takes: Any, wanted: dict[str, Any]) -> tuple[str, ...]:
    kind = type(pipeline).__name__
    warnings = [
        f"{name} is not supported by {kind} and was ignored"
        for argument, name in _OPTIONAL.items()
        if wanted[argument] is not None and argument not in takes
    ]
    if order.mask is not None and "mask_image" not in takes:
        # The gateway puts the original back outside of the mask after any engine.
        warnings.append(
            f"{kind} does not know masks: it changed the whole image, of which the inside of the mask was taken"
        )
    if order.negative_prompt and "negative_prompt" in takes and order.guidance <= NO_GUIDANCE:
        warnings.append(f"negative_prompt has no effect at guidance {order.guidance:g}; it needs more than 1")
    tokenizers = [part for name, part in pipeline.components.items() if name.startswith("tokenizer") and part]
    longest = max(tokenizers, key=lambda part: part.model_max_length, default=None)
    if longest is not None:
        tokens = len(longest(order.prompt, truncation=False).input_ids)
        if tokens > longest.model_max_length:
            warnings.append(f"the prompt has {tokens} tokens; the model reads the first {longest.model_max_length}")
    return tuple(warnings)


def _device(torch: Any) -> tuple[str, Any]:
    """The device and the data type to compute with."""
    if torch.cuda.is_available():
        # Half the memory; bfloat16 reaches as far as float32, so that no decoder overflows.
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return "mps" if torch.backends.mps.is_available() else "cpu", torch.float32


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
