"""Prompts: what a user picks from a menu, worded so that an assistant calls the right tool in the right way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from mcp.server.mcpserver.prompts import Prompt
from pydantic import Field

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from cloudflare_image_mcp.mcp_server.door import Door

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
"""Offered as completions of ``style``; any other text does as well."""

_Model = Annotated[str, Field(description="model id; left out: the default")]
_Image = Annotated[str, Field(description="image id, image://{id}, URL or path")]


def add_prompts(server: MCPServer[Any], door: Door) -> None:
    """Where the model is fixed no prompt asks for one, and none for what that model does not do."""
    prompts = (
        Prompt.from_function(
            _generate_image,
            name="generate_image",
            title="Generate an image",
            description="Make an image from a description, in a style of choice.",
        ),
        Prompt.from_function(
            _edit_image,
            name="edit_image",
            title="Edit an image",
            description="Change an existing image as described, the rest kept as it is.",
        ),
        Prompt.from_function(
            _explore_styles,
            name="explore_styles",
            title="Explore styles",
            description="Make the same subject in several styles, side by side, to choose from.",
        ),
    )
    for prompt in prompts:
        if door.model is not None:
            prompt.arguments = [one for one in prompt.arguments or () if one.name != "model"]
        if door.takes_images or prompt.name != "edit_image":
            server.add_prompt(prompt)


def _generate_image(
    subject: Annotated[str, Field(description="what the image shows")],
    style: Annotated[str, Field(description="such as photograph or watercolour")] = "",
    size: Annotated[str, Field(description="WIDTHxHEIGHT, such as 1024x768")] = "",
    model: _Model = "",
) -> str:
    wanted = f"{subject}, {style}" if style else subject
    return _lines(
        f"Make an image of: {wanted}.",
        "Write a prompt that names subject, setting, light, composition and style in one or two sentences, then "
        "call run_model with it." + _with(size=size, model=model),
        "Show me the result with its link, and the prompt that you used.",
    )


def _edit_image(
    image: _Image,
    change: Annotated[str, Field(description="what to change")],
    mask: Annotated[str, Field(description="image that is white where to repaint")] = "",
    model: _Model = "",
) -> str:
    return _lines(
        f"Edit the image {image}: {change}.",
        f'Call run_model with operation="edit" and images=["{image}"].' + _with(mask=mask, model=model),
        "Look at the preview; if the change is missing or something else changed too, say so and try once more "
        "with a clearer prompt.",
    )


def _explore_styles(
    subject: Annotated[str, Field(description="what the images show")],
    styles: Annotated[str, Field(description="comma-separated; left out: four that suit the subject")] = "",
    model: _Model = "",
) -> str:
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
