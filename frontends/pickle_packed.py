"""Compressed joblib files, unpacked with a limit on what they may become."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from treec.errors import ModelError, UnsupportedModelError

MAX_UNPACKED = 8 << 30
FLOOR = 256 << 20
MAX_RATIO = 250
_CHUNK = 1 << 22


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int = ...) -> bytes: ...


_PACKERS: dict[str, Callable[[], _Decompressor]] = {
    "zlib": lambda: zlib.decompressobj(),
    "gzip": lambda: zlib.decompressobj(31),
    "bz2": lambda: bz2.BZ2Decompressor(),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=1 << 30),
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 30),
}


def packer(data: bytes) -> str | None:
    """The name of the compression that ``data`` starts like, or None."""
    if data[:2] == b"\x1f\x8b":
        return "gzip"
    if data[:3] == b"BZh":
        return "bz2"
    if data[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if data[:3] == b"\x5d\x00\x00":
        return "lzma"
    if data[:4] == b"\x04\x22\x4d\x18":
        return "lz4"
    if len(data) > 2 and data[0] == 0x78 and int.from_bytes(data[:2], "big") % 31 == 0:
        return "zlib"
    return None


def unpack(data: bytes, kind: str, *, place: str) -> bytes:
    """The whole content of one compressed stream; at most `MAX_RATIO` times its size (or `FLOOR` if that is more)."""
    make = _PACKERS.get(kind)
    if make is None:
        raise UnsupportedModelError(
            f"a file compressed with {kind}", place=place, fix="save it with compress=('zlib', 3), or uncompressed"
        )
    limit = min(MAX_UNPACKED, max(FLOOR, MAX_RATIO * len(data)))
    try:
        return _unpack(make(), data, limit, place)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise ModelError(
            f"the {kind} data is damaged: {error}", place=place, fix="get the file again from where it was made"
        ) from None


def _unpack(stream: _Decompressor, data: bytes, limit: int, place: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    for at in range(0, len(data), _CHUNK):
        for part in _feed(stream, data[at : at + _CHUNK]):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise ModelError(
                    f"{len(data)} compressed bytes become more than {limit}", place=place, fix="save it uncompressed"
                )
        if stream.eof:
            rest = len(stream.unused_data) + max(0, len(data) - at - _CHUNK)
            if rest:
                raise ModelError(f"{rest} bytes follow the compressed data", place=place)
            return b"".join(parts)
    raise ModelError("the compressed file is truncated", place=place, fix="get the file again from where it was made")


def _feed(stream: _Decompressor, piece: bytes) -> Iterator[bytes]:
    """What one piece of input becomes, in parts of at most `_CHUNK` bytes."""
    while not stream.eof:
        part = stream.decompress(piece, _CHUNK)
        yield part
        piece = getattr(stream, "unconsumed_tail", b"")  # only zlib hands the rest back
        if not piece and len(part) < _CHUNK:
            return
