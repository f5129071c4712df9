"""Exit codes: each kind of error has its number, which the documentation lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudflare_image_mcp.cli.exit_codes import ExitCode, exit_code
from cloudflare_image_mcp.errors import ERRORS

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
MEANT = {
    "invalid_request": 2,
    "invalid_image": 2,
    "model_not_found": 3,
    "edit_not_available": 3,
    "content_policy_violation": 4,
    "insufficient_quota": 5,
    "rate_limit_exceeded": 5,
    "upstream_error": 6,
    "overloaded": 6,
    "upstream_timeout": 6,
    "storage_error": 7,
    "upstream_authentication_error": 8,
    "internal_error": 1,
}


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_an_exit_code_that_the_documents_name(kind: str) -> None:
    code = exit_code(ERRORS[kind])
    assert code is not ExitCode.OK
    assert code == MEANT.get(kind, code)
    if kind in MEANT:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {int(code)} |"))
        assert f"`{kind}`" in row


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_has_its_row(code: ExitCode) -> None:
    assert f"\n| {int(code)} |" in PAGE
