from __future__ import annotations

from cloudflare_image_mcp.backends.workers_ai.errors import CODES, NO_IMAGE, UpstreamError, meaning_of
from cloudflare_image_mcp.backends.workers_ai.retry import Attempts, RetryPolicy
from tests.backends.workers_ai.conftest import SetClock

CLOCK = SetClock("2026-11-23 12:00")
BUSY = UpstreamError(CODES[3040])


def test_the_pauses_grow_and_are_jittered_and_end() -> None:
    policy = RetryPolicy(retries=5, first=1, longest=4)
    runs = [[Attempts(policy, CLOCK, 600)] for _ in range(50)]
    for wanted in (1, 2, 4, 4, 4):
        pauses = [attempts.pause(BUSY, elsewhere=False) or 0 for (attempts,) in runs]
        assert all(wanted / 2 <= pause <= wanted for pause in pauses)
        assert len(set(pauses)) > 40
    assert {attempts.pause(BUSY, elsewhere=False) for (attempts,) in runs} == {None}


def test_another_account_is_asked_at_once() -> None:
    assert Attempts(RetryPolicy(), CLOCK, 60).pause(BUSY, elsewhere=True) == 0


def test_a_retry_after_is_obeyed_up_to_a_point() -> None:
    attempts = Attempts(RetryPolicy(longest_obeyed=30), CLOCK, 600)
    assert attempts.pause(UpstreamError(CODES[3040], retry_after=12), elsewhere=False) == 12
    assert attempts.pause(UpstreamError(CODES[3040], retry_after=31), elsewhere=False) is None


def test_a_retry_after_of_no_time_is_paused_for_all_the_same() -> None:
    pause = Attempts(RetryPolicy(first=2), CLOCK, 600).pause(UpstreamError(CODES[3040], retry_after=0), elsewhere=False)
    assert pause is not None
    assert 1 <= pause <= 2


def test_no_retry_starts_after_the_models_time() -> None:
    assert Attempts(RetryPolicy(), CLOCK, 0.1).pause(UpstreamError(NO_IMAGE, retry_after=1), elsewhere=False) is None


def test_a_flagged_result_is_tried_once_more() -> None:
    flagged = UpstreamError(meaning_of(400, 3030, "Your output has been flagged"))
    attempts = Attempts(RetryPolicy(first=0.01), CLOCK, 60)
    assert attempts.pause(flagged, elsewhere=False) is not None
    assert attempts.pause(flagged, elsewhere=False) is None
