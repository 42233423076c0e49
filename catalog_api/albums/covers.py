"""Covers of albums: an upload is checked, decoded and drawn anew, so that nothing of its bytes is ever served."""

import hashlib
import io
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
from PIL import Image, ImageOps, UnidentifiedImageError

from catalog_api.albums.errors import CoverNotFound, InvalidCover
from foundation.engines.blobs import BlobMissing, Blobs
from foundation.errors import Unreachable

FORMATS: Mapping[str, str] = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
SIZES = (640, 300, 64)  # pixels of a side
LARGEST = 6_000  # pixels of a side that is decoded
MOST_PIXELS = 16_000_000  # decoded they take 64 MB
SMALLEST = 64
QUALITY = 85
_WHITE = (255, 255, 255)
_drawing = anyio.CapacityLimiter(2)  # at once, in one process: each may take MOST_PIXELS


def drawn(data: bytes, media_type: str) -> dict[int, bytes]:
    """The cover as a JPEG of each size, cut square around its middle. Raises InvalidCover.

    How large the image is stands in its first bytes: what is too large is refused before a pixel is decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=[FORMATS[media_type]]) as opened:
            _check_size(*opened.size)
            opened.draft("RGB", (SIZES[0], SIZES[0]))  # of a JPEG only as much is decoded as is needed
            opened.load()
            whole = _flat(ImageOps.exif_transpose(opened))
    except UnidentifiedImageError as error:
        raise InvalidCover(f"these bytes are no {media_type}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidCover(f"the image has more than {MOST_PIXELS:,} pixels") from error
    except InvalidCover:
        raise
    except Exception as error:  # a decoder meets broken bytes in many ways, and tells each by another class
        raise InvalidCover(f"the image is broken: {error}") from error
    return {size: _jpeg(ImageOps.fit(whole, (size, size), Image.Resampling.LANCZOS)) for size in SIZES}


def _check_size(width: int, height: int) -> None:
    if max(width, height) > LARGEST or width * height > MOST_PIXELS:
        what = f"it may have {LARGEST:,} pixels a side and {MOST_PIXELS:,} in all"
        raise InvalidCover(f"the image is {width} × {height}: {what}")
    if min(width, height) < SMALLEST:
        raise InvalidCover(f"the image is {width} × {height}: a side has at least {SMALLEST} pixels")


def _flat(image: Image.Image) -> Image.Image:
    """Only the colours, on white where the image is transparent."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, _WHITE)
        flat.paste(image, mask=image.getchannel("A"))
        return flat
    return image.convert("RGB")


def _jpeg(image: Image.Image) -> bytes:
    # Pixels alone go into a new image: comments, profiles and positions of the old one stay behind.
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    written = io.BytesIO()
    clean.save(written, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return written.getvalue()


async def draw(data: bytes, media_type: str) -> Mapping[int, bytes]:
    """The same in a thread, a few at a time. Whoever waits for it should hold nothing that others need."""
    return await anyio.to_thread.run_sync(drawn, data, media_type, limiter=_drawing)


@dataclass(frozen=True, slots=True)
class Covers:
    """Covers in the blob store, each under a key of its own that is never written twice."""

    blobs: Blobs

    async def keep(self, sizes: Mapping[int, bytes]) -> str:
        """Keep a cover as it was drawn; returns its key. Raises Unreachable.

        The key ends in chance: two albums with the same cover keep it apart, so that one may lose it.
        """
        key = hashlib.blake2b(sizes[SIZES[0]], digest_size=12).hexdigest() + secrets.token_hex(4)
        await anyio.to_thread.run_sync(self._put, key, sizes)
        return key

    async def read(self, key: str, size: int) -> bytes:
        """The JPEG. Raises CoverNotFound, Unreachable."""
        try:
            with _answering():
                return await anyio.to_thread.run_sync(self.blobs.read, _path(key, size))
        except BlobMissing as error:
            raise CoverNotFound(f"there is no cover {key} of this size") from error

    async def remove(self, key: str) -> None:
        """Forget a cover that no album shows any more."""
        await anyio.to_thread.run_sync(self.blobs.delete, f"covers/{key}")

    def _put(self, key: str, sizes: Mapping[int, bytes]) -> None:
        with _answering():
            for size, data in sizes.items():
                self.blobs.put(_path(key, size), data)


def _path(key: str, size: int) -> str:
    return f"covers/{key}/{size}.jpg"


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreachable(f"the store of covers does not answer: {error.strerror}", engine="blobs") from error
