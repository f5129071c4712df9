"""The settings: one pydantic model that the environment, the ``.env`` file, ``doctor`` and docs/configuration.md share.

Not pydantic-settings: importing it costs 80 ms of CPU at every start, it would have to be vendored into a Worker, and
its sources do not say where a value came from, which ``doctor`` shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cloudflare_image_mcp.errors import GatewayError, SettingError, masked_url
from cloudflare_image_mcp.limits import READ_TIMEOUT
from cloudflare_image_mcp.setting_values import (
    AccountSetting,
    is_url,
    parse_accounts,
    parse_address,
    parse_credential,
    parse_file,
    parse_folders,
    parse_hosts,
    parse_hours,
    parse_key_tables,
    parse_keys,
    parse_list,
    parse_model_aliases,
    parse_model_lists,
    parse_name,
    parse_origins,
    parse_prompt_filter,
    parse_redis_url,
    parse_seconds,
    parse_text_model,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from cloudflare_image_mcp.catalog import Model, Operation
    from cloudflare_image_mcp.core.fallbacks import Fallback, Fallbacks
    from cloudflare_image_mcp.core.model_names import ModelNames
    from cloudflare_image_mcp.core.prepared import Options
    from cloudflare_image_mcp.usage.api_key import ApiKey

CLOUDFLARE_API: Final = "https://api.cloudflare.com/client/v4"


def _setting(default: str | None, meaning: str, *, secret: bool = False) -> Any:
    """Declares a setting; ``default`` is text, as it would stand in the environment."""
    return Field(default, description=meaning, repr=not secret)


Name = Annotated[str, BeforeValidator(parse_name)]
Address = Annotated[str, BeforeValidator(parse_address)]


class Settings(BaseModel):
    """The settings as values. A field's name in capitals is the setting's name."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    cloudflare_account_id: Name | None = _setting(None, "the account whose Workers AI makes the images")
    cloudflare_api_token: Annotated[str, BeforeValidator(parse_credential)] | None = _setting(
        None, "its token, with the permission Workers AI", secret=True
    )
    ai_accounts: Annotated[tuple[AccountSetting, ...], BeforeValidator(parse_accounts)] | None = _setting(
        None, "several accounts as a JSON list, balanced and failed over", secret=True
    )
    cloudflare_api_base_url: Address = _setting(CLOUDFLARE_API, "where Workers AI is; the emulator's address for tests")
    cloudflare_ai_gateway: Name | None = _setting(None, "name of an AI Gateway that calls go through, but for FLUX.2")
    cloudflare_catalogue: bool = _setting("off", "offer other providers' models through Cloudflare; they cost USD")
    cloudflare_catalogue_models: Annotated[tuple[str, ...], BeforeValidator(parse_list)] = _setting(
        "*", "comma-separated patterns of the models that CLOUDFLARE_CATALOGUE offers"
    )
    neuron_ledger_url: str | None = _setting(None, "where spent neurons are added up: file:///dir or memory:")
    image_backend: Literal["auto", "workers-ai", "local"] = _setting("auto", "what makes the images")
    local_engine: Literal["illustrator", "diffusers"] = _setting("illustrator", "what draws on this machine")
    diffusers_model: str | None = _setting(None, "the diffusion model of LOCAL_ENGINE=diffusers: a folder or a hub id")
    image_storage_url: str | None = _setting(None, "where images are kept: file:///dir, s3://bucket/prefix or memory:")
    image_expiry_hours: Annotated[float, BeforeValidator(parse_hours)] = _setting(
        "24", "how long a stored image lives; 0 keeps it for good"
    )
    image_cache: bool = _setting("off", "identical requests with a seed are answered from the store, and made once")
    public_base_url: Address | None = _setting(None, "origin of the image URLs handed out")
    api_keys: Annotated[tuple[str, ...], BeforeValidator(parse_keys)] = _setting(
        "", "comma-separated keys that clients must send", secret=True
    )
    api_keys_file: Annotated[Path, BeforeValidator(parse_file)] | None = _setting(
        None, "a TOML file of named keys with their rights"
    )
    api_keys_toml: Annotated[str, BeforeValidator(parse_key_tables)] | None = _setting(
        None, "the text of such a file, where there are no files, as in a Worker", secret=True
    )
    redis_url: Annotated[str, BeforeValidator(parse_redis_url)] | None = _setting(
        None, "a Redis in which several servers count the limits of API keys together"
    )
    limits_strict: bool = _setting("off", "refuse requests of limited keys while the counters cannot be reached")
    default_model: str = _setting("flux-1-schnell", "the model when a request names none")
    default_edit_model: str = _setting("flux-2-klein-4b", "the same for edits and variations")
    model_aliases: Annotated[dict[str, str], BeforeValidator(parse_model_aliases)] = _setting(
        "{}", "further names of models, OpenAI's among them, as JSON: name to model"
    )
    default_response_format: Literal["url", "b64_json"] = _setting("url", "what an image comes back as")
    image_chat_data_urls: bool = _setting("off", "the Markdown of a chat answer holds the image, not its URL")
    edit_fallback: bool = _setting("on", "another model makes the edit that the service refuses")
    fallbacks: Annotated[dict[str, tuple[str, ...]], BeforeValidator(parse_model_lists)] = _setting(
        "{}", "models that make the image when a model fails, as JSON: model to a list of models or local"
    )
    prompt_enhance: bool = _setting("off", "a text model expands prompts, or puts them into English")
    prompt_model: Annotated[str, BeforeValidator(parse_text_model)] = _setting(
        "@cf/ibm-granite/granite-4.0-h-micro", "the text model of Workers AI that does it"
    )
    allow_private_image_urls: bool = _setting("off", "fetch input images from private addresses too")
    mcp_structured_results: bool = _setting("on", "MCP results carry structured content beside text and images")
    mcp_resource_links: bool = _setting("on", "MCP results carry a resource_link for each image")
    mcp_image_roots: Annotated[tuple[Path, ...], BeforeValidator(parse_folders)] | None = _setting(
        None, "folders that MCP over stdio may read input images from"
    )
    mcp_allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(parse_hosts)] = _setting(
        "", "host names beyond this machine's under which /mcp answers without keys"
    )
    mcp_allowed_origins: Annotated[tuple[str, ...], BeforeValidator(parse_origins)] = _setting(
        "", "origins of web pages that may use /mcp, beyond this machine's"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "how much serve and mcp log")
    log_format: Literal["text", "json"] = _setting("text", "the form of a log line")
    prompt_filter: Annotated[str, BeforeValidator(parse_prompt_filter)] | None = _setting(
        None, "refuses prompts: file:/path of words and patterns, or llama-guard"
    )
    log_prompts: bool = _setting("off", "the line of a request holds its prompt")
    metrics_open: bool = _setting("off", "/metrics needs no key")
    otel_exporter_otlp_endpoint: str | None = _setting(
        None, "the OpenTelemetry collector that spans are sent to, by HTTP"
    )
    otel_exporter_otlp_traces_endpoint: str | None = _setting(None, "the same with the path of traces")
    otel_traces_exporter: str = _setting("otlp", "otlp, or none to send no spans")
    otel_sdk_disabled: str = _setting("false", "true: send no spans")
    allowed_origins: Annotated[tuple[str, ...], BeforeValidator(parse_origins)] = _setting(
        "*", "origins of web pages that may use the server; * is any"
    )
    read_timeout: Annotated[float, BeforeValidator(parse_seconds)] = _setting(
        f"{READ_TIMEOUT:g}", "seconds without data after which a request is given up"
    )
    shutdown_timeout: Annotated[float, BeforeValidator(parse_seconds)] = _setting(
        "30", "seconds until the server ends after the first signal"
    )
    c2pa_certificate: Annotated[Path, BeforeValidator(parse_file)] | None = _setting(
        None, "a PEM file with the certificate chain of content credentials, the signer's first"
    )
    c2pa_private_key: Annotated[Path, BeforeValidator(parse_file)] | None = _setting(
        None, "a PEM file with the private key of that certificate"
    )
    webhook_secret: Annotated[str, BeforeValidator(parse_credential)] | None = _setting(
        None, "the secret that signs the events posted to a job's webhook_url", secret=True
    )
    prompt_in_metadata: bool = _setting("on", "write the prompt into the image's metadata")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the settings. Raises ``SettingError``."""
        values = {setting.attribute: given(environ, setting.name) for setting in SETTINGS}
        try:
            return cls.model_validate({name: text for name, text in values.items() if text is not None})
        except ValidationError as error:
            raise _setting_error(error) from None

    @property
    def accounts(self) -> tuple[AccountSetting, ...]:
        """Returns all accounts, the single one first. Raises ``SettingError`` when its id or its token is missing."""
        single = (self.cloudflare_account_id, self.cloudflare_api_token)
        if any(single) and not all(single):
            names = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")
            there, missing = names if single[0] else reversed(names)
            raise SettingError(f"{missing} is not set; {there} needs it")
        first = (AccountSetting(*cast("tuple[str, str]", single)),) if all(single) else ()
        return first + (self.ai_accounts or ())

    @property
    def has_keys(self) -> bool:
        """Whether clients have to send a key."""
        return bool(self.api_keys or self.has_named_keys)

    @property
    def has_named_keys(self) -> bool:
        """Whether there may be keys with rights and limits of their own."""
        return self.api_keys_file is not None or self.api_keys_toml is not None

    @property
    def fixed_keys(self) -> dict[str, ApiKey]:
        """Returns the keys by their names that do not change while the server runs: all but those of the file."""
        from cloudflare_image_mcp.usage.api_key import unlimited_keys
        from cloudflare_image_mcp.usage.named_keys import parse_named_keys

        return unlimited_keys(self.api_keys) | parse_named_keys(self.api_keys_toml or "")

    @property
    def backend(self) -> Literal["workers-ai", "local"]:
        """Returns the backend that ``IMAGE_BACKEND`` and the accounts choose."""
        if self.image_backend != "auto":
            return self.image_backend
        return "workers-ai" if self.accounts else "local"

    def check_backend(self) -> None:
        """Raises ``SettingError`` where the backend has no account to work with."""
        if self.backend == "workers-ai" and not self.accounts:
            raise SettingError(f"IMAGE_BACKEND is workers-ai, which needs {_AN_ACCOUNT}")

    def check_catalogue(self) -> None:
        """Raises ``SettingError`` where other providers' models are wanted without Workers AI."""
        if self.cloudflare_catalogue and self.backend == "local":
            remedy = "IMAGE_BACKEND is local" if self.accounts else f"set {_AN_ACCOUNT}"
            raise SettingError(f"CLOUDFLARE_CATALOGUE is on, which needs Workers AI: {remedy}")

    @property
    def image_lifetime(self) -> timedelta | None:
        """Returns how long stored images are kept; None is for ever."""
        return timedelta(hours=self.image_expiry_hours) if self.image_expiry_hours else None

    @property
    def offered_models(self) -> Mapping[str, Model]:
        """Returns the models by id: Workers AI's, then with ``CLOUDFLARE_CATALOGUE`` those of other providers."""
        from cloudflare_image_mcp.catalog import models, proxied_models

        if not self.cloudflare_catalogue:
            return models()
        return {**models(), **{name: row for name, row in proxied_models().items() if self.offers(name)}}

    @property
    def collector_url(self) -> str | None:
        """Returns where spans are sent to; None where nobody asks for them. Raises ``SettingError``."""
        traces, base = self.otel_exporter_otlp_traces_endpoint, self.otel_exporter_otlp_endpoint
        given = traces or base
        if given is None or self.otel_sdk_disabled.lower() == "true" or self.otel_traces_exporter == "none":
            return None
        if self.otel_traces_exporter != "otlp":
            raise SettingError(f'OTEL_TRACES_EXPORTER must be otlp or none; "{self.otel_traces_exporter}" is not')
        if not is_url(given):
            name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" if traces else "OTEL_EXPORTER_OTLP_ENDPOINT"
            raise SettingError(f'{name} must be an http or https URL; "{masked_url(given)}" is not')
        return traces or f"{given.rstrip('/')}/v1/traces"

    def offers(self, name: str) -> bool:
        """Whether a pattern of ``CLOUDFLARE_CATALOGUE_MODELS`` fits the id of another provider's model."""
        return any(fnmatchcase(name, pattern.lower()) for pattern in self.cloudflare_catalogue_models)

    @property
    def models(self) -> ModelNames:
        """Returns the default models and the names of ``MODEL_ALIASES``. Raises ``SettingError`` for a default model
        that cannot do what it is the default for, an unknown model, and a name that a model already has.
        """
        from cloudflare_image_mcp.catalog import Operation
        from cloudflare_image_mcp.core.model_names import ModelNames

        offered = self.offered_models
        return ModelNames(
            _model("DEFAULT_MODEL", self.default_model, {Operation.GENERATE}, offered),
            _model("DEFAULT_EDIT_MODEL", self.default_edit_model, {Operation.EDIT, Operation.VARY}, offered),
            {
                _new_name(name, offered): _model("MODEL_ALIASES", model, frozenset(), offered)
                for name, model in self.model_aliases.items()
            },
            offered,
        )

    @property
    def fallback_models(self) -> Fallbacks:
        """Returns the lists of ``FALLBACKS`` and the editor of ``EDIT_FALLBACK``. Raises ``SettingError``."""
        from cloudflare_image_mcp.core.fallbacks import LOCAL, Fallbacks

        names = self.models

        def fallback(name: str) -> Fallback:
            return LOCAL if name == LOCAL else _model("FALLBACKS", name, frozenset(), names.offered)

        chains = {
            _model("FALLBACKS", name, frozenset(), names.offered).id: [fallback(other) for other in others]
            for name, others in self.fallbacks.items()
        }
        return Fallbacks(chains, names.default_edit if self.edit_fallback else None)

    def options(self) -> Options:
        """Returns the options of the core. Raises ``SettingError``."""
        from cloudflare_image_mcp.core.prepared import Options

        return Options(
            names=self.models,
            response_format=self.default_response_format,
            fallbacks=self.fallback_models,
            stamp_prompt=self.prompt_in_metadata,
            log_prompts=self.log_prompts,
            enhance_prompts=self.prompt_enhance,
            image_cache=self.image_cache,
        )


_AN_ACCOUNT: Final = "CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN, or AI_ACCOUNTS"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, for what lists them: ``doctor``, the documentation's tests."""

    name: str
    default: str | None
    """As it would be written in the environment."""
    meaning: str
    secret: bool = False

    @property
    def attribute(self) -> str:
        return self.name.lower()

    def shown(self, text: str) -> str:
        """Formats a value for a message: no secret, and no user name, password or query of a URL."""
        return "its value" if self.secret else f'"{masked_url(text)}"'

    def check(self, text: str) -> None:
        """Raises ``SettingError`` when the text cannot be used."""
        Settings.read({self.name: text})


SETTINGS: Final[tuple[Setting, ...]] = tuple(
    Setting(name.upper(), row.default, row.description or "", secret=not row.repr)
    for name, row in Settings.model_fields.items()
)
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


def given(environ: Mapping[str, str], name: str) -> str | None:
    """Returns a setting's text without the space around it, which files and shells leave; None where it is empty or a
    variable that was not expanded.
    """
    return None if is_unexpanded(environ, name) else environ.get(name, "").strip() or None


def is_unexpanded(environ: Mapping[str, str], name: str) -> bool:
    """Whether a setting of the desktop bundle holds a variable such as ``${HOME}``, which some hosts do not expand."""
    return name in _OF_BUNDLE and _VARIABLE.search(environ.get(name, "")) is not None


_OF_BUNDLE: Final = frozenset({"CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "MCP_IMAGE_ROOTS"})
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


def _setting_error(error: ValidationError) -> SettingError:
    """Describes the first setting that cannot be used: its name, what is allowed, its value."""
    first = error.errors(include_url=False)[0]
    setting = _BY_NAME[str(first["loc"][0]).upper()]
    context = first.get("ctx", {})
    match first["type"]:
        case "bool_parsing":
            allowed = "on or off"
        case "literal_error":
            allowed = "one of " + ", ".join(re.findall(r"'([^']*)'", context["expected"]))
        case _:
            allowed = str(context.get("error", first["msg"]))
    return SettingError(f"{setting.name} must be {allowed}; {setting.shown(str(first['input']))} is not")


def _model(name: str, value: str, operations: Set[Operation], offered: Mapping[str, Model]) -> Model:
    from cloudflare_image_mcp.catalog import Operation
    from cloudflare_image_mcp.core.model_names import find_model

    able = ", ".join(model.short_name for model in offered.values() if operations <= model.promise.tasks)
    try:
        model = find_model(value, offered)
    except GatewayError:
        raise SettingError(f'{name} must be one of {able}; "{value}" is no model') from None
    if not operations <= model.promise.tasks:
        does = ", ".join(task for task in Operation if task in model.promise.tasks)
        raise SettingError(f'{name} must be one of {able}; "{value}" can only {does}')
    return model


def _new_name(name: str, offered: Mapping[str, Model]) -> str:
    from cloudflare_image_mcp.core.model_names import find_model

    try:
        model = find_model(name, offered)
    except GatewayError:
        return name
    raise SettingError(f'MODEL_ALIASES must be new names of models; "{name}" is the name of {model.id}')
