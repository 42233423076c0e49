"""Compression on the way in and out: HTTP's encodings, and ClickHouse's own blocks of `compress=1`."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import lz4.block
import lz4.frame
import zstandard

from embedded.clickhouse.cityhash import city_hash_128
from embedded.clickhouse.errors import ClickHouseError, refusal

__all__ = ["Encoder", "decoded", "encoder", "native_decoded", "native_encoder"]

PIECE = 1 << 20  # bytes decoded at a time: a small body may unfold to a huge one
_BLOCK_MOST = 1 << 30  # bytes of one block: ClickHouse's limit, too
_LZ4, _ZSTD, _PLAIN = 0x82, 0x90, 0x02
_ZSTD_SLICE = (
    8192  # bytes taken at a time: its decoder unfolds all it is given at once, up to 32,000 times as much
)


class Encoder(Protocol):
    """Compresses an answer piece by piece."""

    def piece(self, data: bytes) -> bytes:
        """The compressed form of more data, ready to be sent."""
        ...

    def end(self) -> bytes:
        """What closes the stream."""
        ...


class _Zstd:
    def __init__(self) -> None:
        self._to = zstandard.ZstdCompressor(level=1).compressobj()

    def piece(self, data: bytes) -> bytes:
        return self._to.compress(data) + self._to.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self) -> bytes:
        return self._to.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


class _Lz4:
    def __init__(self) -> None:
        self._to = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._begun = False

    def piece(self, data: bytes) -> bytes:
        head = b"" if self._begun else bytes(self._to.begin())
        self._begun = True
        return head + bytes(self._to.compress(data))

    def end(self) -> bytes:
        head = b"" if self._begun else bytes(self._to.begin())
        return head + bytes(self._to.flush())


class _Zlib:
    def __init__(self, window: int) -> None:
        self._to = zlib.compressobj(1, zlib.DEFLATED, window)

    def piece(self, data: bytes) -> bytes:
        return self._to.compress(data) + self._to.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._to.flush()


class _Native:
    """Blocks of: checksum (16), method (1), sizes with this head and without compression (4, 4), data."""

    def piece(self, data: bytes) -> bytes:
        blocks = []
        for at in range(0, len(data), PIECE):
            plain = data[at : at + PIECE]
            packed = lz4.block.compress(plain, store_size=False)
            block = struct.pack("<BII", _LZ4, len(packed) + 9, len(plain)) + packed
            blocks.append(city_hash_128(block) + block)
        return b"".join(blocks)

    def end(self) -> bytes:
        return b""


def encoder(encoding: str) -> Encoder:
    """The encoder of an Accept-Encoding."""
    makers: dict[str, Callable[[], Encoder]] = {"zstd": _Zstd, "lz4": _Lz4}
    if encoding in makers:
        return makers[encoding]()
    return _Zlib(31 if encoding == "gzip" else 15)


def native_encoder() -> Encoder:
    """The encoder of `compress=1`."""
    return _Native()


def decoded(encoding: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The plain form of a body with this Content-Encoding; raises ClickHouseError where it is broken."""
    ways: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
        "zstd": _from_zstd,
        "lz4": _from_lz4,
        "gzip": lambda source: _from_zlib(source, 31),
        "deflate": lambda source: _from_zlib(source, 15),
    }
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ways:
        raise refusal("UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method '{encoding[:20]}'")
    try:
        yield from ways[encoding](iter(pieces))
    except (zstandard.ZstdError, zlib.error, RuntimeError, EOFError) as error:
        raise ClickHouseError(*_BROKEN[encoding], f"The {encoding} body is broken: {error}") from None


_BROKEN = {
    "zstd": (561, "ZSTD_DECODER_FAILED"),
    "lz4": (618, "LZ4_DECODER_FAILED"),
    "gzip": (354, "ZLIB_INFLATE_FAILED"),
    "deflate": (354, "ZLIB_INFLATE_FAILED"),
}


class _Source:
    """Pieces as a file, for the decoder that wants one; remembers whether anything was left."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            more = next(self._pieces, None)
            if more is None:
                return b""
            self._rest = more
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def _from_zstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # fed by hand rather than by stream_reader, which takes a cut-off stream for its end
    source = _Source(pieces)
    decoder = None
    while data := source.read(_ZSTD_SLICE):
        while data:
            decoder = decoder or zstandard.ZstdDecompressor().decompressobj(write_size=PIECE)
            if plain := decoder.decompress(data):
                yield plain
            data = b""
            if decoder.eof:
                data, decoder = decoder.unused_data, None
    if decoder is not None:
        raise EOFError("it ends too early")


def _from_lz4(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decoder = lz4.frame.LZ4FrameDecompressor()
    fresh = True
    for piece in pieces:
        data = piece
        while data or not (fresh or decoder.needs_input):
            plain = decoder.decompress(data, PIECE)
            fresh, data = False, b""
            if plain:
                yield bytes(plain)
            if decoder.eof:
                data = bytes(decoder.unused_data or b"")
                decoder, fresh = lz4.frame.LZ4FrameDecompressor(), True
            elif decoder.needs_input:
                break
    if not fresh:
        raise EOFError("it ends too early")


def _from_zlib(pieces: Iterator[bytes], window: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(window)
    fresh = True
    for piece in pieces:
        data = piece
        while data:
            fresh = False
            if plain := decoder.decompress(data, PIECE):
                yield plain
            data = decoder.unconsumed_tail
            if decoder.eof:
                data, decoder, fresh = decoder.unused_data, zlib.decompressobj(window), True
    if not fresh:
        if rest := decoder.flush():
            yield rest
        if not decoder.eof:
            raise EOFError("it ends too early")


def native_decoded(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The plain form of a body of `decompress=1`; raises ClickHouseError where it is broken."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= 25:
            method, packed_size, plain_size = struct.unpack_from("<BII", buffer, 16)
            if not 9 <= packed_size <= _BLOCK_MOST or plain_size > _BLOCK_MOST:
                raise refusal("CANNOT_DECOMPRESS", "The body is not made of compressed blocks")
            if len(buffer) < 16 + packed_size:
                break
            block = bytes(buffer[16 : 16 + packed_size])
            if city_hash_128(block) != bytes(buffer[:16]):
                raise ClickHouseError(40, "CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data")
            del buffer[: 16 + packed_size]
            yield _plain(method, block[9:], plain_size)
    if buffer:
        raise refusal("CANNOT_DECOMPRESS", "The body ends within a compressed block")


def _plain(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(packed, uncompressed_size=size))
        if method == _ZSTD:
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise refusal("CANNOT_DECOMPRESS", f"Cannot decompress a block: {error}") from None
    if method == _PLAIN:
        return packed
    raise refusal("UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method {method:#x}")
