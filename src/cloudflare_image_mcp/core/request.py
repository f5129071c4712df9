"""The request for images: the one description of all parameters, from which every interface reads them.

JSON bodies, forms, prompt flags, command-line options, MCP arguments and their schemas, and OpenAPI come from
``Parameters``: a parameter's type, range, description, the other names under which clients send it
(``AliasChoices``), its flags in a prompt and its options on the command line stand here and nowhere else.
``core.parsing`` turns a caller's fields into an ``ImageRequest``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SkipValidation,
    ValidationInfo,
    WithJsonSchema,
)

from cloudflare_image_mcp.catalog import Operation, Size, openai_family
from cloudflare_image_mcp.core import written_values as read
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.limits import MAX_IMAGES, MAX_NAME_LENGTH, MAX_PARTIAL_IMAGES, MAX_URL_LENGTH

__all__ = ["ImageFormat", "ImageRequest", "ImageSource", "OtherValue", "Parameters"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ImageSource:
    """An input image as the caller gave it.

    ``data`` is the file itself, or text: base64, a ``data:`` URL, an ``http(s)`` URL, or ``image://{id}`` of an
    earlier result. ``param`` is where it stood in the request, for the error message.
    """

    param: str
    data: bytes | str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OtherValue:
    """A value that was given beside the one that is used: it is not used, but its range is checked all the same."""

    parameter: str
    written: str
    value: Any


@dataclass(frozen=True, slots=True)
class Flags:
    """Names of a parameter as a flag in a prompt: ``ar`` for ``--ar 16:9``."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class Option:
    """A parameter as an option of the command line: its flags and what stands for the value in the help."""

    flags: tuple[str, ...]
    metavar: str

    def __init__(self, *flags: str, metavar: str) -> None:
        object.__setattr__(self, "flags", flags)
        object.__setattr__(self, "metavar", metavar)


@dataclass(frozen=True, slots=True)
class Text:
    """A parameter that is free text. ``words`` False: words such as "none" are text too."""

    words: bool = True


def _image_count(n: int, info: ValidationInfo) -> int:
    """The range of ``n``, which OpenAI's names may widen."""
    family = openai_family(info.data.get("model") or "")
    most = family.max_images if family else MAX_IMAGES
    if not 1 <= n <= most:
        raise read.NotAllowed(f"an integer from 1 to {most}")
    return n


def _seed(seed: int) -> int | None:
    """-1 asks for a random seed in several clients."""
    return None if seed == -1 else seed


_READ_TEXT: Final = BeforeValidator(read.read_text)
_READ_INTEGER: Final = BeforeValidator(read.read_integer)
_String = Annotated[str, _READ_TEXT]
_Integer = Annotated[int, _READ_INTEGER]
_Number = Annotated[float, PlainValidator(read.read_number), WithJsonSchema({"type": "number"})]
_Boolean = Annotated[bool, BeforeValidator(read.read_boolean)]
_Word = BeforeValidator(read.read_word)
_SizeText = Annotated[Size, PlainValidator(read.read_size), WithJsonSchema({"type": "string"})]
_RatioText = Annotated[float, PlainValidator(read.read_ratio), WithJsonSchema({"type": "string"})]
_Format = Annotated[
    ImageFormat,
    PlainValidator(read.read_output_format),
    WithJsonSchema({"type": "string", "enum": ["png", "jpeg", "webp"]}),
]
_Quality = Literal["low", "medium", "standard", "high", "hd", "xhigh", "max"]


class Parameters(BaseModel):
    """The parameters of a request. None means that the caller did not give the parameter: the model's own default
    applies. Ranges that depend on the model are in the catalogue and checked by the plan.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=False, arbitrary_types_allowed=True
    )

    prompt: Annotated[_String, Text(words=False)] = Field(
        default="",
        validation_alias=AliasChoices("prompt"),
        description="what the image should show, or for an edit what to change",
    )
    model: (
        Annotated[str, Field(max_length=MAX_NAME_LENGTH), _READ_TEXT, Option("--model", "-m", metavar="NAME")] | None
    ) = Field(
        default=None,
        validation_alias=AliasChoices("model", "model_id", "model_name"),
        description="a model's id, its last part, or one of OpenAI's names; the default suits most requests",
    )
    n: Annotated[_Integer, AfterValidator(_image_count), Flags("n"), Option("--n", "-n", metavar="N")] = Field(
        default=1,
        validation_alias=AliasChoices(
            "n",
            "num_images",
            "num_outputs",
            "num_images_per_prompt",
            "num_samples",
            "samples",
            "number_of_images",
            "image_count",
            "batch_size",
        ),
        json_schema_extra={"minimum": 1, "maximum": MAX_IMAGES},
        description="how many images",
    )
    size: Annotated[_SizeText, Flags("size"), Option("--size", "-s", metavar="WxH")] | None = Field(
        default=None,
        validation_alias=AliasChoices("size", "image_size", "resolution", "dimensions"),
        description="WIDTHxHEIGHT in pixels, such as 1024x768; default: the model's own, or for an edit the source's",
    )
    aspect_ratio: (
        Annotated[_RatioText, Flags("ar", "aspect"), Option("--aspect-ratio", "--ar", metavar="W:H")] | None
    ) = Field(
        default=None,
        validation_alias=AliasChoices("aspect_ratio", "aspect", "ratio"),
        description="WIDTH:HEIGHT, such as 16:9, where no size is given",
    )
    width: _Integer | None = Field(
        default=None,
        validation_alias=AliasChoices("width", "image_width"),
        description="width in pixels; with height, in place of size",
    )
    height: _Integer | None = Field(
        default=None,
        validation_alias=AliasChoices("height", "image_height"),
        description="height in pixels; with width, in place of size",
    )
    seed: Annotated[_Integer, AfterValidator(_seed), Flags("seed"), Option("--seed", metavar="N")] | None = Field(
        default=None,
        validation_alias=AliasChoices("seed", "random_seed"),
        description="the same seed and request give the same image; default: random",
    )
    steps: Annotated[_Integer, Flags("steps"), Option("--steps", metavar="N")] | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "steps", "num_steps", "num_inference_steps", "inference_steps", "sampling_steps", "sample_steps"
        ),
        description="more steps: more detail, slower, dearer",
    )
    guidance: Annotated[_Number, Flags("guidance", "cfg"), Option("--guidance", metavar="X")] | None = Field(
        default=None,
        validation_alias=AliasChoices("guidance", "guidance_scale", "cfg_scale", "cfg", "prompt_guidance"),
        description="how closely the prompt is followed",
    )
    negative_prompt: (
        Annotated[_String, Text(), Flags("negative", "no"), Option("--negative-prompt", metavar="TEXT")] | None
    ) = Field(
        default=None,
        validation_alias=AliasChoices("negative_prompt", "negative"),
        description="what the image should not show",
    )
    strength: Annotated[_Number, Flags("strength"), Option("--strength", metavar="X")] | None = Field(
        default=None,
        validation_alias=AliasChoices("strength", "denoising_strength", "image_strength", "prompt_strength"),
        description="how far an edit or variation departs from its source: 0 not at all, 1 entirely",
    )
    quality: Annotated[_Quality, _Word, Option("--quality", metavar="Q")] | None = Field(
        default=None,
        validation_alias=AliasChoices("quality"),
        description="low, medium, high and the like become steps, where no steps are given",
    )
    output_format: Annotated[_Format, Option("--format", "-f", metavar="F")] | None = Field(
        default=None,
        validation_alias=AliasChoices("output_format", "format", "image_format"),
        description="file format; default: what the model makes",
    )
    output_compression: (
        Annotated[int, Field(ge=0, le=100), _READ_INTEGER, Option("--compression", metavar="N")] | None
    ) = Field(
        default=None,
        validation_alias=AliasChoices("output_compression", "output_quality"),
        description="quality of jpeg and webp",
    )
    background: Annotated[Literal["transparent", "opaque"], _Word, Option("--background", metavar="B")] | None = Field(
        default=None,
        validation_alias=AliasChoices("background"),
        description="whether the image has a transparent background",
    )
    response_format: Annotated[Literal["url", "b64_json"], _Word] | None = Field(
        default=None,
        validation_alias=AliasChoices("response_format"),
        description="how the answer holds the images: as a url, or as base64 in b64_json",
    )
    enhance: Annotated[_Boolean, Option("--enhance", metavar="on|off")] | None = Field(
        default=None,
        validation_alias=AliasChoices("enhance", "enhance_prompt", "prompt_enhance", "prompt_upsampling"),
        description="a text model expands the prompt first, or puts it into English; default: the operator's",
    )
    stream: _Boolean = Field(
        default=False,
        validation_alias=AliasChoices("stream"),
        description="answer with server-sent events",
    )
    partial_images: Annotated[int, Field(ge=0, le=MAX_PARTIAL_IMAGES), _READ_INTEGER] = Field(
        default=0,
        validation_alias=AliasChoices("partial_images"),
        description="previews of each image while it is made, in a stream",
    )
    asynchronous: _Boolean = Field(
        default=False,
        validation_alias=AliasChoices("async"),
        description="answer at once with a job, which makes the images in the background",
    )
    webhook_url: Annotated[str, Field(max_length=MAX_URL_LENGTH), _READ_TEXT] | None = Field(
        default=None,
        validation_alias=AliasChoices("webhook_url"),
        description="where a signed event is posted when the job has ended, with async",
    )
    safety_identifier: Annotated[_String, Text()] | None = Field(
        default=None,
        validation_alias=AliasChoices("safety_identifier"),
        description="an identifier of your user; it is handed back",
    )


class ImageRequest(Parameters):
    """One request: its parameters, and what reading them found."""

    operation: Operation
    images: SkipValidation[tuple[ImageSource, ...]] = ()
    mask: SkipValidation[ImageSource | None] = None
    written: SkipValidation[dict[str, str]] = Field(default_factory=dict)
    """Parameters that the caller wrote under another name, for the error messages."""
    others: SkipValidation[tuple[OtherValue, ...]] = ()
    warnings: SkipValidation[tuple[str, ...]] = ()
    """Values that were changed or ignored."""
    misspelt_prompt: SkipValidation[str | None] = None
    """An unknown field that may be meant for the prompt, where there is none."""
    original_prompt: SkipValidation[str | None] = None
    """The caller's prompt, where ``prompt`` was written by a text model."""
    unenhanced: SkipValidation[bool] = False
    """Whether a text model was to write the prompt and failed."""
    inline: SkipValidation[bool] = False
    """Whether the answer holds the images themselves beside their URLs."""

    def name_of(self, parameter: str) -> str:
        """The parameter as the caller wrote it: ``num_steps`` for ``steps``."""
        return self.written.get(parameter, parameter)

    def replace(self, **changes: Any) -> Self:
        """A copy with other values, which are not checked again."""
        return self.model_copy(update=changes)


def _metadata(name: str) -> list[Any]:
    """The markers of a parameter, also where its type is optional."""
    row = Parameters.model_fields[name]
    inner = [arg for arg in getattr(row.annotation, "__args__", ()) if hasattr(arg, "__metadata__")]
    return [*row.metadata, *(mark for arg in inner for mark in arg.__metadata__)]


def _marks(kind: type[Any]) -> dict[str, Any]:
    found = {name: next((mark for mark in _metadata(name) if isinstance(mark, kind)), None) for name in PARAMETERS}
    return {name: mark for name, mark in found.items() if mark is not None}


PARAMETERS: Final = tuple(Parameters.model_fields)
FLAGS: Final[dict[str, Flags]] = _marks(Flags)
OPTIONS: Final[dict[str, Option]] = _marks(Option)
FREE_TEXT: Final[dict[str, Text]] = _marks(Text)


def other_names(parameter: str) -> tuple[str, ...]:
    """All names under which clients send a parameter, its own first."""
    alias = Parameters.model_fields[parameter].validation_alias
    return tuple(str(name) for name in alias.choices) if isinstance(alias, AliasChoices) else (parameter,)


NAMES: Final = {name: parameter for parameter in PARAMETERS for name in other_names(parameter)}
"""Name in a request -> parameter."""
