"""A bucket of S3 or of anything that speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from hub.blobs.store import checked_key
from hub.kernel.errors import Misconfigured, Unknown

CONNECT_S, READ_S, ATTEMPTS = 5, 30, 4


class S3Store:
    """Objects under a prefix of a bucket. Every call has a timeout, and its retries an end."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix.strip("/")

    def _name(self, key: str) -> str:
        return f"{self._prefix}/{checked_key(key)}" if self._prefix else checked_key(key)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self._client.put_object(
            Bucket=self._bucket, Key=self._name(key), Body=content, ContentType=content_type,
            CacheControl="public, max-age=31536000, immutable",
        )  # fmt: skip

    def get(self, key: str) -> bytes:
        from botocore.exceptions import ClientError  # half a second: only where a bucket is used

        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
            content: bytes = answer["Body"].read()
        except ClientError as error:
            if _missing(error):
                raise Unknown(f"there is no file {key!r}", field="file", value=key) from error
            raise
        return content

    def has(self, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        except ClientError as error:
            if _missing(error):
                return False
            raise
        return True

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def keys(self, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._name(prefix) + "/"
        )
        strip = len(self._prefix) + 1 if self._prefix else 0
        for page in pages:
            for item in page.get("Contents", ()):
                yield item["Key"][strip:]


def _missing(error: Any) -> bool:
    return str(error.response.get("Error", {}).get("Code")) in ("404", "NoSuchKey", "NotFound")


def open_bucket(address: str, *, endpoint: str = "", region: str = "", key_id: str = "", secret: str = "") -> S3Store:
    """The store behind «s3://bucket/prefix». Without `key_id` the usual sources of credentials are asked.

    Raises:
        Misconfigured: the address names no bucket.
    """
    import boto3
    from botocore.config import Config

    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc:
        raise Misconfigured(
            f"{address!r} is not the address of a bucket",
            field="HUB_MEDIA_STORE",
            fix="write it like s3://bucket/prefix",
        )
    client = boto3.client(
        "s3", endpoint_url=endpoint or None, region_name=region or "us-east-1", aws_access_key_id=key_id or None,
        aws_secret_access_key=secret or None,
        config=Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "path"} if endpoint else {},
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
        ),
    )  # fmt: skip
    return S3Store(client, parts.netloc, parts.path)
