"""The values that each kind of setting takes; errors name the setting and show no secret."""

from __future__ import annotations

import json

import pytest

from cloudflare_image_mcp.errors import SettingError, masked_url
from cloudflare_image_mcp.setting_values import AccountSetting
from cloudflare_image_mcp.settings import Settings

TOKEN = "the token that nobody may see"


def test_none_is_needed() -> None:
    settings = Settings.read({})
    assert (settings.backend, settings.accounts, settings.api_keys) == ("local", (), ())


def test_space_around_a_value_is_no_part_of_it() -> None:
    settings = Settings.read(
        {
            "CLOUDFLARE_ACCOUNT_ID": " abc\n",
            "CLOUDFLARE_API_TOKEN": "token\r\n",
            "AI_ACCOUNTS": json.dumps([{"account_id": " def ", "api_token": "other\n"}]),
            "IMAGE_BACKEND": " workers-ai ",
            "IMAGE_EXPIRY_HOURS": " ",
            "API_KEYS": " one , My API Key ,",
        }
    )
    assert settings.accounts == (AccountSetting("abc", "token"), AccountSetting("def", "other"))
    assert (settings.image_backend, settings.image_expiry_hours) == ("workers-ai", 24)
    assert settings.api_keys == ("one", "My API Key")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_BASE_URL", "images.example.com"),
        ("PUBLIC_BASE_URL", "http://[::1"),
        ("PUBLIC_BASE_URL", "http://a b"),
        ("PUBLIC_BASE_URL", "http://localhost:99999"),
        ("PUBLIC_BASE_URL", "http://:3000"),
        ("CLOUDFLARE_API_BASE_URL", "127.0.0.1:8788"),
        ("CLOUDFLARE_ACCOUNT_ID", "../accounts"),
        ("CLOUDFLARE_AI_GATEWAY", "my gateway"),
        ("IMAGE_EXPIRY_HOURS", "nan"),
        ("IMAGE_EXPIRY_HOURS", "-1"),
        ("EDIT_FALLBACK", "perhaps"),
        ("MODEL_ALIASES", "gpt-image-2"),
        ("MODEL_ALIASES", '{"gpt-image-2": ["flux-2-dev"]}'),
        ("FALLBACKS", "flux-1-schnell"),
        ("FALLBACKS", '["flux-1-schnell"]'),
        ("FALLBACKS", '{"flux-1-schnell": "local"}'),
        ("MCP_IMAGE_ROOTS", "pictures"),
        ("MCP_ALLOWED_HOSTS", "https://x"),
        ("MCP_ALLOWED_ORIGINS", "chat.example.com"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.read({name: value})
    assert str(caught.value).startswith(f"{name} must be ")
    assert str(caught.value).endswith(f'; "{value}" is not')


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://images.example.com/?key=hush", "https://images.example.com/?***"),
        ("ftp://me:hush@images.example.com/a", "ftp://***@images.example.com/a"),
        ("ftp://me:hu@sh@images.example.com#hush", "ftp://***@images.example.com#***"),
        ("ftp://me:hu?sh@images.example.com", "ftp://***"),
        ("me:hu/sh@images.example.com", "***@images.example.com"),
    ],
)
@pytest.mark.parametrize("name", ["PUBLIC_BASE_URL", "CLOUDFLARE_API_BASE_URL"])
def test_a_secret_in_a_url_is_masked(name: str, url: str, shown: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.read({name: url})
    assert str(caught.value).endswith(f'; "{shown}" is not')


def test_a_path_of_a_file_url_is_no_secret() -> None:
    assert masked_url("file:///home/me@work/images?hush") == "file:///home/me@work/images?***"
    assert masked_url("me:hush@host/@cf/model") == "***@host/@cf/model"
    assert masked_url('{"@cf/a": ["@cf/b"]}') == '{"@cf/a": ["@cf/b"]}'


@pytest.mark.parametrize(
    ("there", "missing"),
    [("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"), ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID")],
)
def test_the_missing_half_of_an_account_is_named(there: str, missing: str) -> None:
    with pytest.raises(SettingError, match=f"^{missing} is not set; {there} needs it$"):
        _ = Settings.read({there: "abc"}).accounts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLOUDFLARE_API_TOKEN", TOKEN),
        ("CLOUDFLARE_API_TOKEN", "schlüssel"),
        ("AI_ACCOUNTS", json.dumps([{"account_id": "a", "api_token": TOKEN}])),
        ("AI_ACCOUNTS", json.dumps([{"account_id": "a/b", "api_token": "t"}])),
        ("AI_ACCOUNTS", json.dumps([{"account_id": 1, "api_token": "t"}])),
        ("AI_ACCOUNTS", "[]"),
        ("AI_ACCOUNTS", "{}"),
        ("AI_ACCOUNTS", TOKEN),
        ("API_KEYS", "one,two\tthree"),
        ("API_KEYS", "schlüssel"),
        ("API_KEYS", ", ,"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.read({name: value})
    assert str(caught.value).startswith(f"{name} must be ")
    assert str(caught.value).endswith("; its value is not")
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("https://images.example.com/", "https://images.example.com"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://example.com/images", "https://example.com/images"),
    ],
)
def test_an_address(value: str, read: str) -> None:
    assert Settings.read({"PUBLIC_BASE_URL": value}).public_base_url == read


def test_representations_hold_no_secret() -> None:
    values = {"CLOUDFLARE_ACCOUNT_ID": "abc", "CLOUDFLARE_API_TOKEN": "the-token", "API_KEYS": "the-key"}
    settings = Settings.read(values)
    assert "the-token" not in repr(settings) + repr(settings.accounts)
    assert "the-key" not in repr(settings)


def test_fallbacks_name_models_or_the_embedded_engine() -> None:
    fallbacks = Settings.read({"FALLBACKS": '{"flux-1-schnell": ["lucid-origin", "local"]}'}).options().fallbacks
    (chain,) = fallbacks.chains.values()
    assert [other if isinstance(other, str) else other.short_name for other in chain] == ["lucid-origin", "local"]
    with pytest.raises(SettingError, match=r'FALLBACKS must be one of flux-1-schnell, .*; "nano" is no model'):
        Settings.read({"FALLBACKS": '{"flux-1-schnell": ["nano"]}'}).options()


def test_an_alias_is_a_new_name_of_a_model_that_exists() -> None:
    with pytest.raises(SettingError, match='"nano" is no model'):
        Settings.read({"MODEL_ALIASES": '{"gpt-image-2": "nano"}'}).options()
    with pytest.raises(
        SettingError, match=r'MODEL_ALIASES must be new names of models; "flux-2-dev" is the name of @cf/'
    ):
        Settings.read({"MODEL_ALIASES": '{"FLUX-2-dev": "lucid-origin"}'}).options()
