from __future__ import annotations

import logging
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from moto.backends import get_backend

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.storage.record import Expiry
from cloudflare_image_mcp.storage.s3 import S3Store
from cloudflare_image_mcp.storage.s3_access import S3Access
from tests.waiting import LONGEST

from .conftest import HandClock, S3Server
from .test_stores import content, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.imagefile.image import Image


ANYBODY = ("test-access-key", "test-secret-key")


def client(server: S3Server, service: str = "s3", keys: tuple[str, str] = ANYBODY) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.url,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        region_name="us-east-1",
    )


def store_in(server: S3Server, bucket: str, prefix: str = "", **environ: str) -> S3Store:
    access = S3Access.read(f"s3://{bucket}/{prefix}", server.environ | environ)
    return S3Store(access, Expiry(timedelta(hours=24), HandClock()))


async def test_another_client_sees_a_plain_object_with_type_and_record(
    s3_server: S3Server, image: Image, png: bytes
) -> None:
    bucket, key = s3_server.new_bucket(), new_key()
    await store_in(s3_server, bucket, "a/b").put(key, image, {"prompt": "a fox"})
    found = client(s3_server).get_object(Bucket=bucket, Key=f"a/b/{key}")
    assert found["ContentType"] == "image/png"
    assert found["Body"].read() == png
    assert list(found["Metadata"]) == ["record"]
    assert '"prompt":"a+fox"' in found["Metadata"]["record"]


async def test_stores_in_one_bucket_under_different_prefixes_are_apart(s3_server: S3Server, image: Image) -> None:
    bucket, key = s3_server.new_bucket(), new_key()
    one, two, top = (store_in(s3_server, bucket, prefix) for prefix in ("a", "ab", ""))
    await one.put(key, image, {})
    assert await two.find(key) is None
    assert await two.list() == []
    assert await top.find(key) is None
    assert await top.list() == []
    assert await two.delete(key) is False
    assert await one.find(key) is not None


async def test_what_is_not_ours_is_neither_listed_nor_swept(s3_server: S3Server, image: Image) -> None:
    bucket, key, foreign = s3_server.new_bucket(), new_key(), new_key()
    other = client(s3_server)
    other.put_object(Bucket=bucket, Key="a/holiday.png", Body=b"x")
    other.put_object(Bucket=bucket, Key=f"a/below/{new_key()}", Body=b"x")
    other.put_object(Bucket=bucket, Key=f"a/{foreign}", Body=b"no record")
    clock = HandClock()
    store = S3Store(S3Access.read(f"s3://{bucket}/a", s3_server.environ), Expiry(timedelta(hours=24), clock))
    stored = await store.put(key, image, {})
    assert await store.list() == [stored]
    assert await store.find(foreign) is None
    clock.advance(hours=25)
    await store.sweep()
    left = {found["Key"] for found in other.list_objects_v2(Bucket=bucket)["Contents"]}
    assert "a/holiday.png" in left
    assert f"a/{key}" not in left
    assert len(left) == 2


async def test_sweeps_more_than_one_page(s3_server: S3Server, image: Image) -> None:
    bucket, clock = s3_server.new_bucket(), HandClock()
    store = S3Store(S3Access.read(f"s3://{bucket}/a", s3_server.environ), Expiry(timedelta(hours=24), clock))
    await store.put(new_key(), image, {})
    # The rest is laid into the server's own store: a thousand uploads would take it ten seconds.
    behind = get_backend("s3")["123456789012"]["aws"]
    for _ in range(1004):
        behind.put_object(bucket, f"a/{new_key()}", b"x")
    assert await store.sweep() == 0
    clock.advance(hours=25)
    assert await store.sweep() == 1005
    assert "Contents" not in client(s3_server).list_objects_v2(Bucket=bucket)


async def test_a_long_prompt_keeps_within_s3s_metadata(s3_server: S3Server, image: Image) -> None:
    store, key = store_in(s3_server, s3_server.new_bucket()), new_key()
    await store.put(key, image, {"prompt": "狐" * 2048, "seed": "7"})
    found = await store.find(key)
    assert found is not None
    assert found.details["seed"] == "7"
    assert found.details["prompt"].endswith("狐…")


async def test_no_such_bucket_is_a_storage_error(s3_server: S3Server, image: Image) -> None:
    store = store_in(s3_server, "no-such-bucket")
    for work in (store.put(new_key(), image, {}), store.list(), store.sweep()):
        with pytest.raises(GatewayError, match="NoSuchBucket") as caught:
            await work
        assert caught.value.kind == "storage_error"


async def test_an_unreachable_service_is_a_storage_error(s3_server: S3Server, image: Image) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        store = store_in(s3_server, "bucket", AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
        key = new_key()
        for work in (store.put(key, image, {}), store.find(key), store.list(), content(store, key)):
            with pytest.raises(GatewayError, match="cannot be reached") as caught:
                await work
            assert caught.value.kind == "storage_error"


@pytest.fixture
def checked_signatures(s3_server: S3Server) -> Iterator[dict[str, str]]:
    """The server's own user, whose signatures it checks; it does so for none but during this fixture."""
    iam = client(s3_server, "iam")
    name = new_key()[:10].replace("-", "x")
    iam.create_user(UserName=name)
    everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=everything)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    requests.post(f"{s3_server.url}/moto-api/reset-auth", data="0", timeout=LONGEST).raise_for_status()
    yield {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    requests.post(f"{s3_server.url}/moto-api/reset-auth", data="1000000000", timeout=LONGEST).raise_for_status()


async def test_every_request_is_signed_as_s3_wants_it(
    s3_server: S3Server, image: Image, png: bytes, checked_signatures: dict[str, str]
) -> None:
    bucket, key = f"signed-{new_key()[:8].lower().replace('_', 'x').strip('-')}0", new_key()
    keys = checked_signatures
    client(s3_server, "s3", (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])).create_bucket(Bucket=bucket)
    store = store_in(s3_server, bucket, "a", **keys)
    stored = await store.put(key, image, {"prompt": "two  spaces + ünïcode"})
    assert await store.list() == [stored]
    assert await content(store, key, 3) == png[3:]
    assert await store.delete(key) is True


async def test_wrong_credentials_are_reported_without_showing_them(
    s3_server: S3Server,
    image: Image,
    checked_signatures: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = store_in(s3_server, "bucket", **checked_signatures | {"AWS_SECRET_ACCESS_KEY": "wrong-hush"})
    with caplog.at_level(logging.DEBUG, "cloudflare_image_mcp"), pytest.raises(GatewayError) as caught:
        await store.put(new_key(), image, {})
    assert caught.value.message == "The image store refused the gateway's credentials (SignatureDoesNotMatch)."
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("cloudflare"))
    assert "SignatureDoesNotMatch" in ours
    assert "hush" not in ours
    assert checked_signatures["AWS_ACCESS_KEY_ID"] not in ours
