from __future__ import annotations

import pytest

from cloudflare_image_mcp.storage.s3_access import S3Access

AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}
R2 = {"R2_ACCESS_KEY_ID": "r2-key", "R2_SECRET_ACCESS_KEY": "r2-hush"}


def test_aws_itself_needs_no_key_because_a_machine_may_have_a_role() -> None:
    access = S3Access.read("s3://bucket", {})
    assert access == S3Access(bucket="bucket", prefix="", region="us-east-1")


def test_awss_variables() -> None:
    environ = AWS | {"AWS_REGION": "eu-central-1", "AWS_SESSION_TOKEN": "token"}
    access = S3Access.read("s3://bucket/a/b/", environ)
    assert (access.bucket, access.prefix, access.region) == ("bucket", "a/b", "eu-central-1")
    assert (access.access_key_id, access.secret_access_key, access.session_token) == ("key", "hush", "token")
    assert access.endpoint is None
    assert "hush" not in repr(access)
    assert "token" not in repr(access).replace("session_token", "")


def test_an_endpoint_for_s3_goes_before_the_general_one() -> None:
    environ = AWS | {"AWS_ENDPOINT_URL": "https://a.example", "AWS_ENDPOINT_URL_S3": "http://b.example:9000"}
    assert S3Access.read("s3://bucket", environ).endpoint == "http://b.example:9000"


def test_r2_by_awss_variables_has_r2s_region() -> None:
    environ = AWS | {"AWS_ENDPOINT_URL": "https://abc.r2.cloudflarestorage.com", "AWS_REGION": "eu-central-1"}
    assert S3Access.read("s3://bucket", environ).region == "auto"


def test_r2_by_its_own_variables_finds_its_account() -> None:
    access = S3Access.read("s3://bucket", AWS | R2 | {"CLOUDFLARE_ACCOUNT_ID": "abc", "AWS_SESSION_TOKEN": "other"})
    assert access.endpoint == "https://abc.r2.cloudflarestorage.com"
    assert (access.access_key_id, access.secret_access_key, access.session_token) == (
        "r2-key",
        "r2-hush",
        None,
    )
    assert access.region == "auto"
    environ = R2 | {"R2_ENDPOINT_URL": "https://abc.eu.r2.cloudflarestorage.com"}
    assert S3Access.read("s3://bucket", environ).endpoint == "https://abc.eu.r2.cloudflarestorage.com"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        (R2, "CLOUDFLARE_ACCOUNT_ID"),
        ({"R2_ACCESS_KEY_ID": "r2-key", "CLOUDFLARE_ACCOUNT_ID": "abc"}, "R2_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "key"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "hush"}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_ENDPOINT_URL": "https://a.example"}, "AWS_ACCESS_KEY_ID"),
        (AWS | {"AWS_ENDPOINT_URL": "a.example:9000"}, "https://host"),
        (AWS | {"AWS_ENDPOINT_URL": "https://a.example/bucket"}, "https://host"),
        (AWS | {"AWS_ENDPOINT_URL": "https://key:hush@a.example"}, "https://host"),
    ],
)
def test_what_is_missing_is_named_and_no_secret_with_it(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        S3Access.read("s3://bucket", environ)
    assert "hush" not in str(caught.value)
