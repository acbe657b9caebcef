"""The little of ELF64 that an artifact needs: check a file before the loader sees it, and find the card.

The system's loader trusts what it maps, so a damaged file can end the process; everything here is checked against the
file's size first. Source: System V ABI, chapter 4 (object files).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from treec.codegen.abi import CARD_SECTION
from treec.codegen.cpu_levels import ELF_MACHINES
from treec.errors import ArtifactError

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` returns at most ``size`` bytes, fewer only at the end of the file."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SHARED = 3
_LOAD, _DYNAMIC = 1, 2
_NO_BITS = 8
_CHUNK = 1 << 20

REBUILD = "write it again with `treec MODEL -o OUT.so`"


@dataclass(frozen=True)
class Section:
    """Where a section lies in its file, in bytes."""

    offset: int
    size: int


@dataclass(frozen=True)
class Elf:
    """A checked shared object: ``machine`` as `os.uname` names it, and where the card is."""

    machine: str
    size: int
    card: Section


def parse_elf(read: Read, size: int, place: str) -> Elf:
    """Check a shared object's header, segments and sections, and find the card's section.

    Raises `ArtifactError` naming ``place`` for whatever is not a whole artifact of treec.
    """
    raw = read(0, _HEADER.size)
    if raw[:4] != b"\x7fELF":
        raise ArtifactError("this is not a shared library", place=place, fix="give a file that treec wrote (`-o OUT.so`)")
    if len(raw) < _HEADER.size:
        raise _damaged(place, "its header is cut off")
    if raw[4:6] != b"\x02\x01":
        raise ArtifactError("this library is not 64-bit little-endian", place=place, fix=REBUILD)
    _, kind, machine, _, _, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, shstrndx = _HEADER.unpack(raw)
    if kind != _SHARED:
        raise ArtifactError("this ELF file is not a shared library", place=place, fix=REBUILD)
    if machine not in ELF_MACHINES:
        raise ArtifactError(f"this library is for an unknown machine (ELF number {machine})", place=place, fix=REBUILD)
    segments = _table(read, size, place, _SEGMENT, phoff, phentsize, phnum)
    sections = _table(read, size, place, _SECTION, shoff, shentsize, shnum)
    _check_segments(segments, size, place)
    return Elf(ELF_MACHINES[machine], size, _find_card(read, size, place, sections, shstrndx))


def _damaged(place: str, how: str) -> ArtifactError:
    return ArtifactError(f"this library is damaged: {how}", place=place, fix=f"copy it again, or {REBUILD}")


def _table(
    read: Read, size: int, place: str, entry: struct.Struct, offset: int, step: int, count: int
) -> list[tuple[int, ...]]:
    end = offset + step * count
    if step != entry.size or offset < _HEADER.size or count == 0 or end > size:
        raise _damaged(place, f"a table of {count} entries at byte {offset} does not fit its {size} bytes")
    raw = read(offset, step * count)
    if len(raw) != step * count:
        raise _damaged(place, f"it ends within the table at byte {offset}")
    return list(entry.iter_unpack(raw))


def _check_segments(segments: list[tuple[int, ...]], size: int, place: str) -> None:
    kinds = [segment[0] for segment in segments]
    if _LOAD not in kinds or _DYNAMIC not in kinds:
        raise _damaged(place, "nothing in it can be loaded")
    for _, _, offset, _, _, in_file, in_memory, _ in segments:
        if offset + in_file > size or in_file > in_memory:
            raise _damaged(place, f"it should have {offset + in_file} bytes and has {size}")


def _find_card(read: Read, size: int, place: str, sections: list[tuple[int, ...]], names_index: int) -> Section:
    if names_index >= len(sections):
        raise _damaged(place, "its section names are missing")
    wanted = CARD_SECTION.encode() + b"\0"
    names = sections[names_index]
    found: list[Section] = []
    for name, kind, _, _, offset, length, *_ in sections:
        if kind == _NO_BITS:
            continue
        if offset + length > size:
            raise _damaged(place, f"it should have {offset + length} bytes and has {size}")
        if name + len(wanted) <= names[5] and read(names[4] + name, len(wanted)) == wanted:
            found.append(Section(offset, length))
    if len(found) != 1 or found[0].size == 0:
        raise ArtifactError(
            f"this library was not written by treec (it has no section {CARD_SECTION})",
            place=place,
            fix="give a file that treec wrote (`-o OUT.so`)",
        )
    return found[0]


def crc_beside_card(read: Read, elf: Elf) -> int:
    """CRC-32 of every byte of the file but the card's section: the card holds it, so it cannot be part of it."""
    crc = 0
    for begin, end in ((0, elf.card.offset), (elf.card.offset + elf.card.size, elf.size)):
        for offset in range(begin, end, _CHUNK):
            crc = zlib.crc32(read(offset, min(_CHUNK, end - offset)), crc)
    return crc
