"""What every blob store does."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.engines.blobs import BadKey, BlobMissing, Blobs, open_blobs
from foundation.errors import Unconfigured

STORES = {"file": "file://{tmp}/blobs", "s3": os.environ.get("TEST_S3_URL")}


@pytest.fixture(params=STORES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    url = STORES[request.param] or pytest.skip("set TEST_S3_URL to run this suite on an S3 store")
    return open_blobs(url.format(tmp=tmp_path))


@pytest.fixture
def folder(blobs: Blobs) -> Iterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    yield name
    blobs.delete(name)


def test_what_was_put_is_read(blobs: Blobs, folder: str) -> None:
    blobs.put(f"{folder}/a/b.bin", b"\x00\xff")

    assert blobs.read(f"{folder}/a/b.bin") == b"\x00\xff"
    assert blobs.exists(f"{folder}/a/b.bin")


def test_the_last_put_wins(blobs: Blobs, folder: str) -> None:
    blobs.put(f"{folder}/a", b"a longer one before")
    blobs.put(f"{folder}/a", b"after")

    assert blobs.read(f"{folder}/a") == b"after"


@pytest.mark.parametrize("data", [b"", b"x" * 12_000_000], ids=["empty", "larger than one part"])
def test_any_size_will_do(blobs: Blobs, folder: str, data: bytes) -> None:
    blobs.put(f"{folder}/a", data)

    assert blobs.read(f"{folder}/a") == data


def test_a_file_goes_in_and_out_a_piece_at_a_time(blobs: Blobs, folder: str, tmp_path: Path) -> None:
    data = os.urandom(6_000_000)
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(b"before" + data)
    with sent.open("rb") as file:
        file.seek(6)
        blobs.put(f"{folder}/a", file)

    blobs.fetch(f"{folder}/a", back)

    assert back.read_bytes() == data
    with pytest.raises(BlobMissing, match="b"):
        blobs.fetch(f"{folder}/b", back)


@pytest.mark.parametrize("name", ["ü/ä b.bin", "x%20y", "q?x=1&y", "a:b*c", "~tilde"])
def test_unusual_names_come_back_as_they_were(blobs: Blobs, folder: str, name: str) -> None:
    blobs.put(f"{folder}/{name}", b"1")

    assert blobs.keys(folder) == [f"{folder}/{name}"]
    assert blobs.read(f"{folder}/{name}") == b"1"


def test_a_missing_blob_says_which(blobs: Blobs, folder: str) -> None:
    blobs.put(f"{folder}/a/b", b"1")

    for key in (f"{folder}/nothing", f"{folder}/a", f"{folder}/a/b/c"):
        with pytest.raises(BlobMissing, match=key):
            blobs.read(key)
        assert not blobs.exists(key)


def test_keys_ascend_and_a_prefix_ends_at_a_slash(blobs: Blobs, folder: str) -> None:
    for key in ("b", "a/2", "a/1/x", "ab"):
        blobs.put(f"{folder}/{key}", b"1")

    assert blobs.keys(folder) == [f"{folder}/{key}" for key in ("a/1/x", "a/2", "ab", "b")]
    assert blobs.keys(f"{folder}/a") == blobs.keys(f"{folder}/a/") == [f"{folder}/a/1/x", f"{folder}/a/2"]
    assert blobs.keys(f"{folder}/nothing") == []


def test_a_prefix_is_deleted_with_all_under_it(blobs: Blobs, folder: str) -> None:
    for key in ("a/1", "a/2/x", "ab"):
        blobs.put(f"{folder}/{key}", b"1")

    assert blobs.delete(f"{folder}/a") == 2
    assert blobs.delete(f"{folder}/a") == 0
    assert blobs.delete(f"{folder}/ab") == 1
    assert blobs.keys(folder) == []


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "..", "a/../../b", "a//b", "a/./b", "a\x00b", "a#1", "a\\b", "x" * 300]
)
def test_a_key_that_would_leave_the_store_is_refused(blobs: Blobs, key: str) -> None:
    for attempt in (lambda: blobs.put(key, b"1"), lambda: blobs.read(key), lambda: blobs.delete(key)):
        with pytest.raises(BadKey):
            attempt()


def test_an_upload_that_was_cut_off_is_not_a_blob(tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path}")
    blobs.put("a/b", b"whole")
    (tmp_path / "a" / "b#123").write_bytes(b"ha")

    keys = blobs.keys()
    blobs.delete("a")

    assert keys == ["a/b"]
    assert list(tmp_path.iterdir()) == []


def test_on_a_disk_a_blob_cannot_lie_under_another(tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path}")
    blobs.put("a/b", b"1")

    for key in ("a", "a/b/c"):
        with pytest.raises(BadKey, match="under another"):
            blobs.put(key, b"2")


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://", "blobs"])
def test_an_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(Unconfigured):
        open_blobs(url)
