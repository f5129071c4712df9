"""Writes docs/models.md from the catalogue: ``python -m cloudflare_image_mcp.cli.models_document > docs/models.md``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_wire_of
from cloudflare_image_mcp.backends.workers_ai.wire import abilities_of, wire_of
from cloudflare_image_mcp.catalog import Operation, models, openai_families, proxied_models
from cloudflare_image_mcp.catalog.model import plain
from cloudflare_image_mcp.core.edit_costs import edit_cost
from cloudflare_image_mcp.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.backends.workers_ai.proxied_wire import ProxiedWire
    from cloudflare_image_mcp.backends.workers_ai.wire import WireParameter
    from cloudflare_image_mcp.catalog import Model, Parameter

_HEAD = """\
# Models

Written by `scripts/check --fix` from the files in `src/cloudflare_image_mcp/catalog/models`; do not edit it here.

Every model takes `prompt`, `n` (1-8), `seed`, `negative_prompt`, `size` or `width` and `height`, and the output
parameters of [the API](api.md). The tables say what is promised here and what the model's own wire on Workers AI takes;
what the wire lacks is made up for where that is possible (sizes are resampled, masks composited) and otherwise dropped
with a warning in the answer. On the embedded engine every promised parameter has its effect.
"""


def document() -> str:
    """The whole page."""
    return "\n".join(
        [_HEAD, *_overview(), *(line for model in models().values() for line in _page(model)), *_proxied(), *_names()]
    )


def _overview() -> Iterator[str]:
    yield "| model | best for | generate | edit | vary | mask | neurons, default image |"
    yield "|---|---|---|---|---|---|---|"
    for model in models().values():
        tasks = " | ".join(_task_cell(model, task) for task in Operation)
        neurons = model.price.amount(model.promise.sizes.default)
        price = f"{neurons:,.2f}" if neurons else "free (beta)"
        link = f"[`{model.id}`](#{model.short_name.replace('.', '')})"
        yield f"| {link} | {model.best_for} | {tasks} | {model.promise.mask} | {price} |"
    yield ""
    editor = Settings.read({}).models.default_edit
    cost = edit_cost(editor, abilities_of(editor))["price"]
    yield "*made up*: the service itself refuses, so `DEFAULT_EDIT_MODEL` makes the edit, at its own price, and a"
    yield f"warning says so. Unset, that is {editor.short_name}: {cost['neurons']:g} neurons (${cost['usd']:g}) for an"
    yield f"{cost['per']}."
    yield ""


def _task_cell(model: Model, task: Operation) -> str:
    if task not in model.promise.tasks:
        return "-"
    return "yes" if task in model.live.tasks else "made up"


def _page(model: Model) -> Iterator[str]:
    promise, wire = model.promise, wire_of(model)
    yield f"## {model.short_name}"
    yield ""
    yield f"`{model.id}` · {model.title} by {model.provider}{' · beta' if model.beta else ''}. {model.best_for}."
    yield ""
    yield "| | promised here | on the wire |"
    yield "|---|---|---|"
    yield f"| size | {promise.sizes} | {wire.sizes} |"
    yield f"| default size | {promise.sizes.default} | {wire.sizes.default} |"
    yield f"| input images | {promise.images} | {wire.max_images} |"
    yield f"| mask | {promise.mask} | {'its own' if wire.mask else 'composited here' if promise.images else '-'} |"
    yield f"| prompt | at most {promise.prompt_length:,} characters | {_prompt(wire.parameters['prompt'])} |"
    for name, row in promise.parameters.items():
        yield f"| `{name}` | {_promised(row)} | {_wired(wire.parameters.get(name))} |"
    yield ""
    yield f"Sizes for a menu: {', '.join(f'`{size}`' for size in promise.sizes.listed)}."
    yield ""
    for note in model.live.notes:
        yield f"- {note}"
    answer = f"{wire.response} answer ({wire.media_type})"
    yield f"- Wire: {wire.request} request, {answer}, given up after {wire.timeout:g} s."
    yield ""


def _prompt(row: WireParameter) -> str:
    return "no limit" if row.max_length is None else f"at most {row.max_length:,}"


def _promised(row: Parameter) -> str:
    if row.minimum is None or row.maximum is None:
        return "text"
    default = "" if row.default is None else f", default {plain(row.default)}"
    return f"{plain(row.minimum)} to {plain(row.maximum)}{default}"


def _wired(row: WireParameter | None) -> str:
    if row is None:
        return "not taken"
    if row.type == "string":
        return f"`{row.field}`"
    if row.minimum is None and row.maximum is None:
        return f"`{row.field}`, unbounded"
    low, high = ("any" if bound is None else plain(bound) for bound in (row.minimum, row.maximum))
    return f"`{row.field}`, {low} to {high}"


def _proxied() -> Iterator[str]:
    yield "## Other providers' models"
    yield ""
    yield "With `CLOUDFLARE_CATALOGUE=on`: see [other providers' models](other-providers.md). Each takes `prompt`, `n`,"
    yield "and a size; prices are in USD for one image."
    yield ""
    yield "| model | best for | generate | edit | input images | sizes | sizes on the wire | parameters | price |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for model in proxied_models().values():
        wire, promise = proxied_wire_of(model), model.promise
        tasks = " | ".join("yes" if task in promise.tasks else "-" for task in (Operation.GENERATE, Operation.EDIT))
        names = ", ".join(f"`{name}`" for name in wire.parameters if name != "prompt") or "-"
        price = f"${model.price.per_image:g}" if model.price.known else "not listed"
        if model.price.per_input_image:
            price += f", and ${model.price.per_input_image:g} an input image"
        yield (
            f"| `{model.id}` | {model.best_for} | {tasks} | {promise.images} | {promise.sizes} | {_wire_sizes(wire)} |"
            f" {names} | {price} |"
        )
    yield ""
    for model in proxied_models().values():
        for note in model.live.notes:
            yield f"- `{model.id}`: {note}"
    yield ""


def _wire_sizes(wire: ProxiedWire) -> str:
    """A list, a range, or the ratios and the resolutions."""
    choices = wire.size.choices
    if choices is None:
        return str(wire.size.rule)
    rows: dict[str, list[str]] = {}
    for fields in choices.values():
        for name, value in fields.items():
            rows.setdefault(name, [])
            if value not in rows[name]:
                rows[name].append(value)
    return "; ".join(f"`{name}`: {', '.join(values)}" for name, values in rows.items())


def _names() -> Iterator[str]:
    yield "## OpenAI's names"
    yield ""
    yield "Clients in which no model name can be set send one of OpenAI's. `/v1/models` lists these; they stand for"
    yield "`DEFAULT_MODEL`, and for `DEFAULT_EDIT_MODEL` in edits and variations:"
    yield ""
    for family in openai_families():
        names = ", ".join(f"`{name}`" for name in family.names)
        yield f"- {names} (any name that begins with `{family.prefix}`): `{family.response}` unless asked otherwise"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(document())
