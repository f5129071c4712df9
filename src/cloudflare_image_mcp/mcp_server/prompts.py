"""Prompts: what a user picks from a menu, worded so that an assistant calls the right tool in the right way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    GetPromptResult,
    ListPromptsResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

from cloudflare_image_mcp.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.context import ServerRequestContext
    from mcp_types import GetPromptRequestParams, PaginatedRequestParams

    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

STYLES: Final = (
    "photograph",
    "watercolour",
    "oil painting",
    "pencil sketch",
    "flat vector illustration",
    "isometric 3D render",
    "pixel art",
    "line art",
    "paper cut-out",
    "film noir",
    "ukiyo-e woodblock print",
    "low-poly",
)
"""Offered as completions of ``style``; any other text is accepted, too."""


def _generate_image(subject: str, style: str = "", size: str = "", model: str = "") -> str:
    wanted = f"{subject}, {style}" if style else subject
    return _lines(
        f"Make an image of: {wanted}.",
        "Write a prompt that names subject, setting, light, composition and style in one or two sentences, then "
        "call run_model with it." + _with(size=size, model=model),
        "Show me the result with its link, and the prompt that you used.",
    )


def _edit_image(image: str, change: str, mask: str = "", model: str = "") -> str:
    return _lines(
        f"Edit the image {image}: {change}.",
        f'Call run_model with operation="edit" and images=["{image}"].' + _with(mask=mask, model=model),
        "Look at the preview; if the change is missing or something else changed too, say so and try once more "
        "with a clearer prompt.",
    )


def _explore_styles(subject: str, styles: str = "", model: str = "") -> str:
    which = f"in each of these styles: {styles}" if styles else "in four styles that suit it and differ clearly"
    return _lines(
        f"Explore how this could look: {subject}.",
        f"Call run_model once for each image, {which}; use the same seed and size for all, so that only the style "
        "differs." + _with(model=model),
        "Then compare them in a short table (style, id, what works) and ask me which one to take further.",
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _with(**arguments: str) -> str:
    given = [f'{name}="{value}"' for name, value in arguments.items() if value]
    return f" Use {' and '.join(given)}." if given else ""


def _needed(name: str, text: str) -> PromptArgument:
    return PromptArgument(name=name, description=text, required=True)


def _optional(name: str, text: str) -> PromptArgument:
    return PromptArgument(name=name, description=text, required=False)


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One prompt; ``write`` takes its arguments by name and returns the text."""

    name: str
    title: str
    description: str
    arguments: tuple[PromptArgument, ...]
    write: Callable[..., str]


_MODEL: Final = _optional("model", "model id; left out: the default")
_PROMPTS: Final = (
    PromptRow(
        "generate_image",
        "Generate an image",
        "Make an image from a description, in a style of choice.",
        (
            _needed("subject", "what the image shows"),
            _optional("style", "such as photograph or watercolour"),
            _optional("size", "WIDTHxHEIGHT, such as 1024x768"),
            _MODEL,
        ),
        _generate_image,
    ),
    PromptRow(
        "edit_image",
        "Edit an image",
        "Change an existing image as described, the rest kept as it is.",
        (
            _needed("image", "image id, image://{id}, URL or path"),
            _needed("change", "what to change"),
            _optional("mask", "image that is white where to repaint"),
            _MODEL,
        ),
        _edit_image,
    ),
    PromptRow(
        "explore_styles",
        "Explore styles",
        "Make the same subject in several styles, side by side, to choose from.",
        (
            _needed("subject", "what the images show"),
            _optional("styles", "comma-separated; left out: four that suit the subject"),
            _MODEL,
        ),
        _explore_styles,
    ),
)


class Prompts:
    """Answers ``prompts/list`` and ``prompts/get``."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        """Where the model is fixed no prompt asks for one, and there is no prompt for what that model cannot do."""
        self._rows = {row.name: row for row in _PROMPTS if endpoint.takes_images or row.name != "edit_image"}
        self._arguments = {
            row.name: [argument for argument in row.arguments if argument is not _MODEL or endpoint.model is None]
            for row in self._rows.values()
        }

    async def list(
        self, ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        return ListPromptsResult(
            prompts=[
                Prompt(name=row.name, title=row.title, description=row.description, arguments=self._arguments[name])
                for name, row in self._rows.items()
            ]
        )

    async def get(self, ctx: ServerRequestContext[Any, Any], params: GetPromptRequestParams) -> GetPromptResult:
        """Ignores arguments that the prompt does not have. Raises ``MCPError`` for an unknown prompt and for a missing
        argument.
        """
        row, given = self._rows.get(params.name), params.arguments or {}
        if row is None:
            message = f"prompt {shown(params.name)} does not exist; there are {', '.join(self._rows)}"
            raise MCPError(code=INVALID_PARAMS, message=message)
        arguments = self._arguments[row.name]
        missing = [argument.name for argument in arguments if argument.required and argument.name not in given]
        if missing:
            raise MCPError(code=INVALID_PARAMS, message=f"prompt {row.name} needs {' and '.join(missing)}")
        text = row.write(**{argument.name: given[argument.name] for argument in arguments if argument.name in given})
        written = PromptMessage(role="user", content=TextContent(type="text", text=text))
        return GetPromptResult(description=row.description, messages=[written])
