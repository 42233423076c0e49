"""CityHash128 as of its version 1.0.2, the checksum of ClickHouse's own compressed blocks."""

import struct

__all__ = ["city_hash_128"]

_MASK = (1 << 64) - 1
# The primes of the published algorithm.
_K0, _K1 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273
_K2, _K3 = 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MULTIPLIER = 0x9DDFEA08EB382D69

Pair = tuple[int, int]


def _rotated(value: int, shift: int) -> int:
    value &= _MASK
    return ((value >> shift) | (value << (64 - shift))) & _MASK if shift else value


def _mixed(value: int) -> int:
    value &= _MASK
    return value ^ (value >> 47)


def _of_two(low: int, high: int) -> int:
    first = _mixed((low ^ high) * _MULTIPLIER)
    return _mixed((high ^ first) * _MULTIPLIER) * _MULTIPLIER & _MASK


def _of_few(data: bytes) -> int:
    """The hash of at most 16 bytes."""
    length = len(data)
    if length > 8:
        first, last = int.from_bytes(data[:8], "little"), int.from_bytes(data[-8:], "little")
        return _of_two(first, _rotated(last + length, length)) ^ last
    if length >= 4:
        first, last = int.from_bytes(data[:4], "little"), int.from_bytes(data[-4:], "little")
        return _of_two(length + (first << 3), last)
    if length:
        low = data[0] + (data[length >> 1] << 8)
        return _mixed(low * _K2 ^ (length + (data[-1] << 2)) * _K3) * _K2 & _MASK
    return _K2


def _weak(words: tuple[int, ...], at: int, a: int, b: int) -> Pair:
    """Mixes four words into two seeds."""
    w, x, y, z = words[at : at + 4]
    a += w
    b = _rotated(b + a + z, 21)
    c = a
    a += x + y
    b += _rotated(a, 44)
    return (a + z) & _MASK, (b + c) & _MASK


def _of_some(data: bytes, seed: Pair) -> Pair:
    """The hash of fewer than 128 bytes."""
    a, b = seed
    length = len(data)
    if length <= 16:
        a = _mixed(a * _K1) * _K1 & _MASK
        c = (b * _K1 + _of_few(data)) & _MASK
        d = _mixed(a + (int.from_bytes(data[:8], "little") if length >= 8 else c))
    else:
        c = _of_two((int.from_bytes(data[-8:], "little") + _K1) & _MASK, a)
        d = _of_two((b + length) & _MASK, (c + int.from_bytes(data[-16:-8], "little")) & _MASK)
        a = (a + d) & _MASK
        for at in range(0, length - 16, 16):
            low, high = struct.unpack_from("<QQ", data, at)
            a = (a ^ (_mixed(low * _K1) * _K1)) * _K1 & _MASK
            b ^= a
            c = (c ^ (_mixed(high * _K1) * _K1)) * _K1 & _MASK
            d ^= c
    a, b = _of_two(a, c), _of_two(d, b)
    return a ^ b, _of_two(b, a)


def _of_many(data: bytes, seed: Pair) -> Pair:
    """The hash of 128 bytes and more."""
    x, y = seed
    length = len(data)
    rounds = length // 128 * 2
    words = struct.unpack_from(f"<{rounds * 8}Q", data)
    z = length * _K1 & _MASK
    v0 = (_rotated(y ^ _K1, 49) * _K1 + words[0]) & _MASK
    v = v0, (_rotated(v0, 42) * _K1 + words[1]) & _MASK
    w = (_rotated(y + z, 35) * _K1 + x) & _MASK, _rotated(x + words[11], 53) * _K1 & _MASK
    for at in range(0, rounds * 8, 8):
        x = _rotated(x + y + v[0] + words[at + 2], 37) * _K1 & _MASK
        y = _rotated(y + v[1] + words[at + 6], 42) * _K1 & _MASK
        x ^= w[1]
        y ^= v[0]
        z = _rotated(z ^ w[0], 33)
        v = _weak(words, at, v[1] * _K1, x + w[0])
        w = _weak(words, at + 4, z + w[1], y)
        z, x = x, z
    y = (y + _rotated(w[0], 37) * _K0 + z) & _MASK
    x = (x + _rotated(v[0] + z, 49) * _K0) & _MASK
    left = length - rounds * 64
    for done in range(32, left + 32, 32):
        tail = struct.unpack_from("<4Q", data, length - done)
        y = (_rotated(y - x, 42) * _K0 + v[1]) & _MASK
        w0 = (w[0] + tail[2]) & _MASK
        x = (_rotated(x, 49) * _K0 + w0) & _MASK
        w = (w0 + v[0]) & _MASK, w[1]
        v = _weak(tail, 0, v[0], v[1])
    x, y = _of_two(x, v[0]), _of_two(y, w[0])
    low = (_of_two((x + v[1]) & _MASK, w[1]) + y) & _MASK
    return low, _of_two((x + w[1]) & _MASK, (y + v[1]) & _MASK)


def city_hash_128(data: bytes) -> bytes:
    """The checksum of `data`, 16 bytes.

    >>> city_hash_128(b"").hex()
    '2b9ac064fc9df03d291ee592c340b53c'
    """
    length = len(data)
    if length >= 16:
        low, high = struct.unpack_from("<QQ", data)
        seed, rest = (low ^ _K3, high), data[16:]
    elif length >= 8:
        low, high = int.from_bytes(data[:8], "little"), int.from_bytes(data[-8:], "little")
        seed, rest = (low ^ (length * _K0 & _MASK), high ^ _K1), b""
    else:
        seed, rest = (_K0, _K1), data
    return struct.pack("<QQ", *(_of_many(rest, seed) if len(rest) >= 128 else _of_some(rest, seed)))
