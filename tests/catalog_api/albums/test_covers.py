import io
import struct
import time
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog_api.albums.covers import SIZES, drawn
from catalog_api.albums.errors import InvalidCover
from tests.catalog_api.api import Api
from tests.catalog_api.works import Works

RED, BLUE = (200, 30, 30), (30, 30, 200)
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def image(kind: str = "PNG", size: tuple[int, int] = (800, 600), mode: str = "RGB", **more: Any) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, RED if mode == "RGB" else None).save(written, kind, **more)
    return written.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says that it is as large as that."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("JPEG", "L"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "I;16"),
        ("WEBP", "RGB"),
    ],
)
def test_whatever_its_colours_a_cover_becomes_square_jpegs(kind: str, mode: str) -> None:
    sizes = drawn(image(kind, mode=mode), TYPES[kind])

    opened = {size: Image.open(io.BytesIO(data)) for size, data in sizes.items()}
    assert {size: (each.size, each.format, each.mode) for size, each in opened.items()} == {
        size: ((size, size), "JPEG", "RGB") for size in SIZES
    }


def test_nothing_of_the_upload_is_served() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    upload = image("JPEG", exif=exif, comment=b"<?php echo 1 ?>") + b"<script>alert(1)</script>"

    sizes = drawn(upload, "image/jpeg")

    for data in sizes.values():
        assert not [part for part in (b"where I live", b"<?php", b"<script>") if part in data]
        assert not Image.open(io.BytesIO(data)).getexif()


def test_what_is_transparent_becomes_white() -> None:
    upload = io.BytesIO()
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(upload, "PNG")

    drawn_at = Image.open(io.BytesIO(drawn(upload.getvalue(), "image/png")[64]))

    assert drawn_at.getpixel((32, 32)) == (255, 255, 255)


def test_a_picture_that_a_camera_held_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    upright = Image.new("RGB", (200, 200), RED)
    upright.paste(BLUE, (0, 0, 200, 100))
    written = io.BytesIO()
    upright.rotate(90).save(written, "JPEG", exif=exif)

    seen = Image.open(io.BytesIO(drawn(written.getvalue(), "image/jpeg")[300]))

    top, bottom = seen.getpixel((150, 30)), seen.getpixel((150, 270))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[2] > top[0]
    assert bottom[0] > bottom[2]


@pytest.mark.parametrize("side", [6_001, 4_001, 20_000, 60_000])
def test_a_bomb_is_refused_before_a_pixel_is_decoded(side: int) -> None:
    begun_at = time.perf_counter()

    with pytest.raises(InvalidCover, match="pixels"):
        drawn(bomb(side), "image/png")

    assert time.perf_counter() - begun_at < 0.2


@pytest.mark.parametrize(
    ("upload", "media_type"),
    [
        (b"", "image/png"),
        (b"<svg/>", "image/png"),
        (image("PNG"), "image/jpeg"),
        (image("PNG")[:100], "image/png"),
        (image("PNG", size=(63, 63)), "image/png"),
        (bomb(100), "image/png"),
    ],
    ids=["nothing", "text", "another kind", "cut off", "tiny", "too few pixels"],
)
def test_what_is_no_cover_is_refused(upload: bytes, media_type: str) -> None:
    with pytest.raises(InvalidCover):
        drawn(upload, media_type)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TYPES)), st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000))
def test_damaged_images_are_drawn_or_refused_and_nothing_else(
    kind: str, at: int, byte: int, end: int
) -> None:
    upload = bytearray(image(kind, size=(80, 80)))
    upload[at % len(upload)] = byte
    damaged = bytes(upload[: max(1, end % (2 * len(upload)))])

    try:
        sizes = drawn(damaged, TYPES[kind])
    except InvalidCover:
        sizes = {}

    assert set(sizes) in (set(), set(SIZES))


@pytest.fixture
def works(api: Api) -> Works:
    return Works(api)


@pytest.mark.anyio
async def test_a_cover_is_seen_wherever_its_album_is(works: Works) -> None:
    artist = await works.artist()
    album = await works.album(artist)
    song = await works.song(artist, album_id=album)
    for path in (f"/songs/{song}", f"/albums/{album}"):
        await works.nobody.get(path)

    put = await works.ann.put(
        f"/albums/{album}/cover", content=image(), headers={"Content-Type": "image/png"}
    )

    url = put.json()["cover_art_url"]
    told = [
        (await works.nobody.get(f"/songs/{song}")).json()["album"]["cover_art_url"],
        (await works.nobody.get(f"/albums/{album}")).json()["cover_art_url"],
    ]
    shown = await works.nobody.get(url.removeprefix("/api/v1"))
    again = await works.nobody.get(
        url.removeprefix("/api/v1"), headers={"If-None-Match": shown.headers["etag"]}
    )
    assert told == [url, url]
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(shown.content)).size == (640, 640)
    assert again.status_code == 304


@pytest.mark.anyio
async def test_a_new_cover_takes_the_place_of_the_old_whose_blobs_go(works: Works) -> None:
    album = await works.album(await works.artist())
    headers = {"Content-Type": "image/png"}
    blobs = works.api.app.state.blobs

    first = await works.ann.put(f"/albums/{album}/cover", content=image(), headers=headers)
    second = await works.ann.put(f"/albums/{album}/cover", content=image(), headers=headers)
    kept = blobs.keys("covers")
    gone = await works.nobody.get(first.json()["cover_art_url"].removeprefix("/api/v1"))
    removed = await works.ann.delete(f"/albums/{album}/cover")

    assert first.json()["cover_art_url"] != second.json()["cover_art_url"]
    assert len(kept) == len(SIZES)
    assert (gone.status_code, removed.status_code) == (404, 204)
    assert blobs.keys("covers") == []
    assert (await works.nobody.get(f"/albums/{album}")).json()["cover_art_url"] is None


@pytest.mark.anyio
async def test_the_cover_goes_with_its_album(works: Works) -> None:
    album = await works.album(await works.artist())
    await works.ann.put(f"/albums/{album}/cover", content=image(), headers={"Content-Type": "image/png"})

    await works.ann.delete(f"/albums/{album}")

    assert works.api.app.state.blobs.keys("covers") == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("who", "media_type", "status"),
    [
        ("nobody", "image/png", 401),
        ("listener", "image/png", 403),
        ("bob", "image/png", 403),
        ("ann", "image/gif", 415),
        ("ann", "application/json", 415),
        ("ann", "image/jpeg", 422),
        ("eve", "image/png; charset=binary", 200),
    ],
)
async def test_who_may_set_a_cover_and_of_what(works: Works, who: str, media_type: str, status: int) -> None:
    album = await works.album(await works.artist())

    put = await getattr(works, who).put(
        f"/albums/{album}/cover", content=image(), headers={"Content-Type": media_type}
    )

    assert put.status_code == status


@pytest.mark.anyio
async def test_a_cover_larger_than_the_door_lets_in_is_refused(works: Works) -> None:
    album = await works.album(await works.artist())

    put = await works.ann.put(
        f"/albums/{album}/cover", content=b"\0" * 2_000_000, headers={"Content-Type": "image/png"}
    )

    assert put.status_code == 413


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status"),
    [("0" * 32 + "/640.jpg", 404), ("0" * 32 + "/641.jpg", 422), ("..%2F..%2Fx/640.jpg", 422)],
)
async def test_a_cover_that_is_none_is_not_found(works: Works, path: str, status: int) -> None:
    answer = await works.nobody.get(f"/covers/{path}")

    assert answer.status_code in {status, 404}
