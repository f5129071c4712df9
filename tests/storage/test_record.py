from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudflare_image_mcp.storage.record import Record, span

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_a_record_survives_a_file_and_a_header(details: dict[str, str]) -> None:
    record = Record(NOW, details)
    assert Record.from_json(record.to_json()) == record
    header = record.to_header(100_000)
    assert Record.from_header(header) == record
    assert header.isascii()
    assert header.isprintable()
    assert " " not in header


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=400), max_size=8), st.integers(60, 600))
def test_a_header_keeps_to_its_limit(details: dict[str, str], limit: int) -> None:
    header = Record(NOW, details).to_header(limit)
    assert len(header) <= limit
    kept = Record.from_header(header)
    assert kept.created == NOW
    assert set(kept.details) <= set(details)


def test_only_the_longest_detail_is_cut() -> None:
    kept = Record.from_header(Record(NOW, {"prompt": "狐" * 2048, "seed": "7"}).to_header(2000))
    assert kept.details["seed"] == "7"
    assert kept.details["prompt"].startswith("狐" * 300)
    assert kept.details["prompt"].endswith("狐…")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"created":"x","details":{}}',
        '{"created":"2026-01-02T03:04:05","details":{}}',
        '{"created":"2026-01-02T03:04:05+00:00","details":[]}',
        '{"created":1,"details":{}}',
        "\x00",
        '{"created',
    ],
)
def test_what_is_no_record_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own message or ours
        Record.from_json(text)


@given(st.integers(0, 50), st.integers(0, 60), st.none() | st.integers(0, 60))
def test_a_span_is_a_slice(size: int, start: int, stop: int | None) -> None:
    first, last = span(size, start, stop)
    assert 0 <= first <= last <= size
    assert bytes(size)[first:last] == bytes(size)[start:stop]
