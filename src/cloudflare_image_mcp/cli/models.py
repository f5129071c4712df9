"""The command ``models``: the catalogue as a table, or the details of one model."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from cloudflare_image_mcp.cli.image_commands import complete_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.settings import Settings


@click.command(short_help="List the models, or show one.")
@click.argument("model_id", metavar="[ID]", required=False, shell_complete=complete_model)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /v1/models has it.")
def models(model_id: str | None, as_json: bool) -> None:
    """List the models, or show what ID takes, makes and costs.

    Example: cloudflare-image-mcp models flux-1-schnell --json
    """
    from cloudflare_image_mcp.cli.environment import load_settings
    from cloudflare_image_mcp.cli.report import print_error_json
    from cloudflare_image_mcp.errors import GatewayError, SettingError

    try:
        settings = load_settings()
        if model_id:
            rows = [_named(model_id, settings)]
        else:
            rows = [_described(model, settings) for model in settings.models.offered.values()]
    except (GatewayError, SettingError) as error:
        if as_json:
            print_error_json(error)
        raise
    if as_json:
        click.echo(json.dumps(rows[0] if model_id else {"object": "list", "data": rows}, indent=2))
    elif model_id:
        _console().print(_card(rows[0]))
    else:
        console = _console()
        console.print(_table(rows, console))
        prices = "Prices are Workers AI's for one image of the default size." if rows[0]["price"] else _FREE
        click.echo(f"{prices} `models ID` shows one model's parameters.", err=True)


def _named(name: str, settings: Settings) -> dict[str, Any]:
    """The row of a model, under any name that a request may give it. Raises ``GatewayError`` (404)."""
    from cloudflare_image_mcp.catalog import Operation
    from cloudflare_image_mcp.rest.models import alias_fields

    names = settings.models
    row = _described(names.resolve(name, Operation.GENERATE), settings)
    return row | alias_fields(name, names) if names.is_alias(name) else row


def _described(model: Model, settings: Settings) -> dict[str, Any]:
    """The rows of ``/v1/models``, without opening a backend."""
    from cloudflare_image_mcp.backends.workers_ai.wire import abilities_of
    from cloudflare_image_mcp.core.edit_costs import edit_cost, editor_of
    from cloudflare_image_mcp.rest.models import model_object

    local = settings.backend == "local"
    taken = _abilities(model, settings)
    editor = editor_of(model, taken, settings.fallback_models)
    cost = None if editor is None else edit_cost(editor, abilities_of(editor))
    return model_object(model, settings.backend, taken, billed=not local) | {"edits_made_by": cost}


def _abilities(model: Model, settings: Settings) -> Abilities:
    from cloudflare_image_mcp.backends.local import illustrator_abilities
    from cloudflare_image_mcp.backends.workers_ai.wire import abilities_beside
    from cloudflare_image_mcp.catalog import BACKGROUND_REMOVER
    from cloudflare_image_mcp.core.abilities import Abilities

    if settings.backend != "local":
        return abilities_beside(model, settings.models.offered.get(BACKGROUND_REMOVER))
    if settings.local_engine == "illustrator":
        return illustrator_abilities(model)
    return Abilities.of_promise(model, model.promise.sizes)


def _console() -> Console:
    from cloudflare_image_mcp.cli.terminal import rich_console

    # A pipe has no width, and a wrapped name could not be searched for.
    return rich_console(sys.stdout, width=None if sys.stdout.isatty() else 200)


_FREE: Final = "The backend is this machine, where nothing is billed."


def _price(row: dict[str, Any]) -> str:
    """The models in beta cost nothing yet; of others an image's price is not listed."""
    usd = row["price"]["usd"]
    if usd is None:
        return "not listed"
    return f"${usd:.4f}" if usd else "free"


_COLUMNS: Final[tuple[tuple[str, Callable[[dict[str, Any]], str]], ...]] = (
    ("model", lambda row: row["id"].rsplit("/", 1)[-1]),
    ("tasks", lambda row: " ".join(row["tasks"])),
    ("mask", lambda row: row["mask"]),
    ("price", _price),
    ("steps", lambda row: _range(row["parameters"].get("steps", {}))),
    ("sizes", lambda row: f"{row['size']['minimum']} to {row['size']['maximum']}"),
    ("best for", lambda row: row["description"]),
)
"""Columns of the table, the most useful first."""


def _table(rows: list[dict[str, Any]], console: Console) -> RenderableType:
    """The first columns that fit into the width without wrapping."""
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table

    unbounded = console.options.update(max_width=10_000)
    columns = [column for column in _COLUMNS if rows[0]["price"] or column[0] != "price"]
    for count in range(len(columns), 0, -1):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name, _ in columns[:count]:
            table.add_column(name, no_wrap=True, style="bold" if name == "model" else None)
        for row in rows:
            table.add_row(*(cell(row) for _, cell in columns[:count]))
        if Measurement.get(console, unbounded, table).maximum <= console.width:
            break
    return table


def _card(row: dict[str, Any]) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    size = row["size"]
    for name, value in (
        ("id", row["id"]),
        ("by", row["owned_by"]),
        ("best for", row["description"]),
        ("runs on", row["backend"]),
        ("tasks", ", ".join(row["tasks"])),
        ("mask", row["mask"]),
        ("input images", str(row["max_input_images"])),
        ("sizes", f"{size['minimum']} to {size['maximum']} pixels a side, {size['default']} by default"),
        ("listed sizes", " ".join(row["sizes"])),
        ("prompt", f"up to {row['max_prompt_length']:,} characters"),
        ("price", _price_in_full(row)),
        *_edit_facts(row),
        ("status", row["status"]),
        *(("note", note) for note in row["notes"]),
    ):
        facts.add_row(Text(name, style="dim"), Text(value))
    return Group(Text(row["name"], style="bold"), facts, _parameters(row))


def _price_in_full(row: dict[str, Any]) -> str:
    price = row["price"]
    if not price:
        return "nothing is billed"
    if price["usd"] is None:
        return "paid in USD; the price of an image is not listed"
    neurons = f" ({price['neurons']:g} neurons)" if "neurons" in price else ""
    return f"{_price(row)}{neurons} for a {price['per']}"


def _edit_facts(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The model that makes the edits, if it is another one."""
    made_by = row["edits_made_by"]
    if made_by is None:
        return []
    return [("edits", f"made by {made_by['model']}, {_price(made_by)} for an {made_by['price']['per']}")]


def _parameters(row: dict[str, Any]) -> RenderableType:
    from rich import box
    from rich.table import Table

    table = Table("parameter", "type", "range", "default", f"on {row['backend']}", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, parameter in row["parameters"].items():
        default = parameter["default"]
        table.add_row(
            name,
            parameter["type"],
            _range(parameter),
            "" if default is None else f"{default:g}",
            "used" if parameter["supported"] else "ignored",
        )
    return table


def _range(parameter: dict[str, Any]) -> str:
    low, high = parameter.get("minimum"), parameter.get("maximum")
    return "" if low is None or high is None else f"{low:g} to {high:.10g}"
