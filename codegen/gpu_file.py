"""The file of a model for GPUs: a zip of stored members, of which the first, ``manifest.json``, names all others.

``manifest.json``: format, version, launch plan, and the size and sha256 of each member. ``card.json``. ``source.cu``,
``source.cl``: the kernels in CUDA and OpenCL. ``source.hip``, ``source.metal``: where they were asked for.
``model.ARCH.cubin``: machine code of an architecture, where nvcc was there. ``tables/NAME``.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from treec.codegen.gpu_abi import GPU_ABI_VERSION, GpuObject
from treec.codegen.gpu_plan import TABLE, Plan, bad, integer, member_of, plan_of, text
from treec.errors import ArtifactError, CodegenError

FORMAT, VERSION = "treec-gpu", 1
MANIFEST, CARD = "manifest.json", "card.json"
_CUBIN = re.compile(r"model\.(sm_[0-9]{2,3})\.cubin")
SOURCES = {"cuda": "source.cu", "opencl": "source.cl"}
UNTESTED_SOURCES = {"rocm": "source.hip", "metal": "source.metal"}
"""Of `UNTESTED` languages, where they were asked for."""
REBUILD = "copy it again, or write it again with `treec MODEL --schedule S -o OUT.gpu`"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal models make equal files


@dataclass(frozen=True, eq=False)
class GpuFile:
    """What a file holds. ``cubins`` by architecture; ``tables`` by name."""

    plan: Plan
    card: bytes
    sources: dict[str, str] = field(repr=False)
    tables: dict[str, bytes] = field(repr=False)
    cubins: dict[str, bytes] = field(repr=False)

    def cubin_for(self, capability: str) -> bytes | None:
        """Machine code for a GPU of that compute capability ("86"): its own, or of the same major version and the nearest
        lower minor one, which it runs, too; None if there is none."""
        wanted = int(capability)
        fitting = [number for number in map(_number, self.cubins) if number // 10 == wanted // 10 and number <= wanted]
        return self.cubins[f"sm_{max(fitting)}"] if fitting else None


def _number(arch: str) -> int:
    return int(arch.removeprefix("sm_"))


def gpu_file_bytes(
    cuda: GpuObject,
    opencl: GpuObject,
    card: dict[str, Any],
    cubins: Mapping[str, bytes],
    untested: Mapping[str, str] | None = None,
) -> bytes:
    """The file of a model; ``cubins``: by architecture; ``untested``: sources in such languages. Raises `CodegenError` if
    CUDA's and OpenCL's forms are not the same kernels."""
    if (cuda.kernels, cuda.tasks, cuda.tables) != (opencl.kernels, opencl.tasks, opencl.tables):
        raise CodegenError("the kernels for CUDA and for OpenCL differ")
    members = {CARD: json.dumps(card, separators=(",", ":"), allow_nan=False).encode()}
    members |= {SOURCES[made.target.kind]: made.source.encode() for made in (cuda, opencl)}
    members |= {UNTESTED_SOURCES[kind]: text.encode() for kind, text in (untested or {}).items()}
    members |= {f"model.{arch}.cubin": data for arch, data in cubins.items()}
    for table in cuda.tables:
        if TABLE.fullmatch(table.name) is None:
            raise CodegenError(f"a table has the name {table.name!r}, which is none for a file")
        members[member_of(table.name)] = table.data
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "abi": GPU_ABI_VERSION,
        "plan": Plan.of(cuda, opencl).to_dict(),
        "members": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()
        },
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {MANIFEST: json.dumps(manifest, separators=(",", ":")).encode(), **members}.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return stream.getvalue()


def parse_gpu_file(data: bytes, place: str) -> GpuFile:
    """Take a file apart. Raises `ArtifactError` for whatever is not whole, or not what treec writes."""
    try:
        members = _members(data)
        manifest = _manifest(members.pop(MANIFEST, b""))
        _check_members(manifest["members"], members)
        plan = plan_of(manifest["plan"])
        tables = {name: _member(members, member_of(name)) for name in plan.tables}
        sources = {kind: _member(members, name).decode() for kind, name in SOURCES.items()}
        more = {kind: name for kind, name in UNTESTED_SOURCES.items() if name in members}
        sources |= {kind: _member(members, name).decode() for kind, name in more.items()}
        card = _member(members, CARD)
        cubins = {found[1]: members.pop(name) for name in [*members] if (found := _CUBIN.fullmatch(name))}
        if members:
            raise bad(f"it has a member {next(iter(members))!r}, which no file of treec has")
    except ArtifactError as error:
        raise ArtifactError(error.message, place=place, fix=error.fix or REBUILD) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"this file is damaged: {type(error).__name__}: {error}", place=place, fix=REBUILD) from error
    return GpuFile(plan, card, sources, tables, cubins)


def _members(data: bytes) -> dict[str, bytes]:
    """Stored members alone, so no member is larger than the file; every name once."""
    members: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.file_size != info.compress_size:
                    raise bad(f"its member {info.filename!r} is packed or encrypted")
                if info.filename in members:
                    raise bad(f"it has two members {info.filename!r}")
                if sum(map(len, members.values())) + info.file_size > len(data):
                    raise bad("its members are larger than the file")
                members[info.filename] = archive.read(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, OverflowError) as error:
        raise bad(f"this file is damaged: {error}") from error
    return members


def _manifest(data: bytes) -> dict[str, Any]:
    found: object = json.loads(data) if data else None
    manifest = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if manifest.get("format") != FORMAT:
        raise bad("this zip file was not written by treec")
    versions = (manifest.get("version"), manifest.get("abi"))
    if versions != (VERSION, GPU_ABI_VERSION):
        raise ArtifactError(
            f"this file has version {versions[0]}.{versions[1]} and this treec reads {VERSION}.{GPU_ABI_VERSION}",
            fix="use the treec that wrote it, or write it again",
        )
    return manifest


def _check_members(said: dict[str, Any], members: dict[str, bytes]) -> None:
    if set(said) != set(members):
        raise bad(f"it lacks or adds members: {', '.join(sorted(set(said) ^ set(members)))}")
    for name, data in members.items():
        if integer(said[name]["bytes"]) != len(data) or text(said[name]["sha256"]) != hashlib.sha256(data).hexdigest():
            raise bad(f"its member {name!r} is damaged")


def _member(members: dict[str, bytes], name: str) -> bytes:
    if name not in members:
        raise bad(f"it lacks {name!r}")
    return members.pop(name)
