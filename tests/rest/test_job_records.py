"""Jobs survive a restart and a kill, and are seen by another process over the same folder."""

from __future__ import annotations

import base64
import io
import signal
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from PIL import Image

from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from cloudflare_image_mcp.usage.job_database import FILE_NAME
from tests.emulator.calling import holding
from tests.live import command, gateway, serving, workers_ai_at
from tests.ports import free_port
from tests.redis_server import RedisServer, redis_server
from tests.rest.test_jobs import ended, fields, started
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

JOBS = 100


def jobs_of(client: httpx2.Client) -> list[dict[str, Any]]:
    page = client.get(f"/v1/images/jobs?limit={JOBS}").json()
    assert not page["has_more"]
    return list(page["data"])


def completed_jobs(client: httpx2.Client) -> set[str]:
    return {job["id"] for job in jobs_of(client) if job["status"] == "completed"}


def test_a_kill_amid_a_hundred_jobs_loses_none(tmp_path: Path) -> None:
    environ = {"IMAGE_BACKEND": "local", "IMAGE_STORAGE_URL": (tmp_path / "images").as_uri()}
    port = free_port()
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=LONGEST) as client:
        with command(port, environ, tmp_path / "first.log") as process:
            ids = {started(client, seed=seed, n=2, size="1024x1024").json()["id"] for seed in range(JOBS)}
            before = wait_for(lambda: completed_jobs(client), "no job is completed", process)
            process.send_signal(signal.SIGKILL)
            process.wait(LONGEST)
        assert len(ids) == JOBS
        with command(port, environ, tmp_path / "second.log"):
            wait_for(
                lambda: "running" not in {job["status"] for job in jobs_of(client)}, "the killed process still counts"
            )
            after = jobs_of(client)
            assert {job["id"] for job in after} == ids
            completed = completed_jobs(client)
            assert before <= completed < ids
            for job_id in ids:
                job = client.get(f"/v1/images/jobs/{job_id}").json()
                if job_id in completed:
                    for row in job["result"]["data"]:
                        Image.open(io.BytesIO(client.get(row["url"]).content)).load()
                else:
                    assert (job["status"], job["error"]["code"]) == ("failed", "interrupted")
                    for row in job.get("images", ()):
                        Image.open(io.BytesIO(client.get(row["url"]).content)).load()
                    assert job["expires_at"] > job["created_at"]


def test_results_and_errors_survive_a_restart(tmp_path: Path) -> None:
    wanted = [fields(response_format="b64_json", n=2, unknown=1), fields(response_format="url")]
    with gateway(tmp_path) as origin, httpx2.Client(base_url=origin, timeout=LONGEST) as client:
        paths = [started(client, **one).headers["location"] for one in wanted]
        before = [ended(client, path) for path in paths]
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
    with gateway(tmp_path) as second, httpx2.Client(base_url=second, timeout=LONGEST) as client:
        after = [client.get(path).json() for path in paths]
        assert after[0] == before[0]
        assert base64.b64decode(after[0]["result"]["data"][0]["b64_json"])[:4] == b"\x89PNG"
        assert after[1]["result"]["data"][0]["url"] == before[1]["result"]["data"][0]["url"].replace(origin, second)
        assert client.get(f"{paths[0]}/events").text.endswith("data: [DONE]\n\n")
        key = after[1]["result"]["data"][0]["url"].rsplit("/", 1)[1]
        image = next(row for row in client.get("/v1/images").json()["data"] if not row["url"].endswith(key))
        client.delete(f"/v1/images/{image['id']}")
        assert client.get(paths[0]).status_code == 404  # its base64 is gone
        assert client.get(paths[1]).json() == after[1]


def test_records_hold_no_prompt_where_none_is_to_be_kept(tmp_path: Path) -> None:
    prompt = "heliotrope zeppelin"
    with (
        gateway(tmp_path, PROMPT_IN_METADATA="off") as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST) as client,
    ):
        ended(client, started(client, prompt=prompt).headers["location"])
    assert not any(prompt.encode() in file.read_bytes() for file in tmp_path.iterdir())


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[httpx2.Client, httpx2.Client, threading.Event]]:
    """Two gateways over one folder and over models that answer only while the event is set."""
    with holding() as (emulator, released):
        settings = Settings.read(workers_ai_at(emulator, IMAGE_STORAGE_URL=tmp_path.as_uri()))
        with (
            serving(build_app(settings)) as one,
            serving(build_app(settings)) as two,
            httpx2.Client(base_url=one, timeout=LONGEST) as first,
            httpx2.Client(base_url=two, timeout=LONGEST) as second,
        ):
            try:
                yield first, second, released
            finally:
                released.set()


def test_another_process_sees_follows_and_cancels_a_job(
    pair: tuple[httpx2.Client, httpx2.Client, threading.Event],
) -> None:
    first, second, released = pair
    wanted, unwanted = (started(first).headers["location"] for _ in range(2))
    assert second.get(wanted).json()["status"] == "running"
    assert len(jobs_of(second)) == 2
    second.delete(unwanted)
    followed = second.get(f"{unwanted}/events").text
    assert "event: image.job.running" in followed
    assert "event: image.job.cancelled" in followed
    released.set()
    assert ended(second, wanted)["status"] == "completed"
    assert second.get(wanted).json()["result"]["data"][0]["url"].startswith(str(second.base_url).rstrip("/"))


def test_a_folder_that_cannot_be_written_to_keeps_no_job_from_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with gateway(tmp_path) as origin, httpx2.Client(base_url=origin, timeout=LONGEST) as client:
        for _ in range(2):
            assert ended(client, started(client).headers["location"])["status"] == "completed"
    assert caplog.text.count("jobs do not survive a restart") == 1


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def test_any_replica_answers_for_a_job_in_redis(tmp_path: Path, redis: RedisServer) -> None:
    keys = {"API_KEYS": "A,B", "REDIS_URL": redis.url}
    mine, other = ({"Authorization": f"Bearer {key}"} for key in "AB")
    with (
        gateway(tmp_path / "images", **keys) as one,
        gateway(tmp_path / "images", **keys) as two,
        httpx2.Client(base_url=one, timeout=LONGEST, headers=mine) as first,
        httpx2.Client(base_url=two, timeout=LONGEST, headers=mine) as second,
    ):
        paths = [started(first, seed=seed).headers["location"] for seed in range(3)]
        done = [ended(second, path) for path in paths]
        assert [job["status"] for job in done] == ["completed"] * 3
        assert httpx2.get(done[0]["result"]["data"][0]["url"], timeout=LONGEST).status_code == 200
        assert [job["id"] for job in jobs_of(second)] == [job["id"] for job in done[::-1]]
        assert second.get("/v1/images/jobs", headers=other).json()["data"] == []
        assert second.get(paths[0], headers=other).status_code == 404
    assert not (tmp_path / "images" / FILE_NAME).exists()


def test_jobs_run_while_redis_is_away(tmp_path: Path, redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    with (
        gateway(tmp_path / "images", REDIS_URL=redis.url) as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST) as client,
    ):
        before = started(client).headers["location"]
        assert ended(client, before)["status"] == "completed"
        redis.stop()
        alone = started(client).headers["location"]
        assert ended(client, alone)["status"] == "completed"
        assert "known to this process alone" in caplog.text
        redis.start()
        assert ended(client, started(client).headers["location"])["status"] == "completed"
        assert client.get(before).json()["status"] == "completed"
