"""An artifact in memory: opened from a file, from bytes, or where the JIT put it, and checked before anything is called."""

from __future__ import annotations

import _ctypes
import ctypes
import itertools
import os
import stat
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from treec.codegen.abi import (
    ABI_VERSION,
    DESCRIBE_SYMBOL,
    MAGIC,
    ArtifactStruct,
    Axis,
    DType,
    KernelStruct,
    Status,
    Task,
)
from treec.codegen.elf import REBUILD, Elf, crc_beside_card, parse_elf
from treec.errors import ArtifactError, UsageError
from treec.runtime.card import Facts, facts_of, parse_card, unreadable
from treec.runtime.cpu import host_level, missing_features

if TYPE_CHECKING:
    from treec.runtime.gpu_library import GpuLibrary

ZIP_HEAD = b"PK\x03\x04"
UNKNOWN_COST = 500
"""Of code that does not say: a bitslice is the fastest there is, so that threads are asked for late."""
_CALL_TYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p)
_DESCRIBE_TYPE = ctypes.CFUNCTYPE(ctypes.c_void_p)
_WAIT_TYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_CPU_CHECK_TYPE = ctypes.CFUNCTYPE(ctypes.c_int32)


@dataclass(frozen=True, eq=False)
class Stage:
    """One function of a kernel, by its address. See `treec.codegen.abi`."""

    function: int
    axis: Axis
    grain: int
    workspace_bytes: int
    n_groups: int


@dataclass(frozen=True, eq=False)
class Kernel:
    """One task for rows of one dtype and calls of at most ``rows_max`` rows, run for at most ``run_rows`` at once."""

    task: Task
    row_dtype: DType
    rows_max: int
    stages: tuple[Stage, ...]
    run_rows: int
    scratch_row_bytes: int
    row_cost: int
    """Picoseconds of a row in a tree, roughly."""

    def work(self, n_rows: int, n_trees: int) -> int:
        """Nanoseconds that one core takes for so many rows and trees, roughly."""
        return n_rows * n_trees * self.row_cost // 1000


K = TypeVar("K", covariant=True)


class Artifact(Protocol[K]):
    """What code for a CPU and code for a device have in common; ``K`` is what runs a call."""

    @property
    def place(self) -> str: ...

    @property
    def facts(self) -> Facts: ...

    def kernel(self, task: Task, row_dtype: DType, n_rows: int) -> K | None: ...


@dataclass(frozen=True, eq=False)
class Library:
    """A checked artifact. ``owner`` keeps its code in memory; ``source`` is the opened file or None for the JIT.
    ``call(words)`` runs a stage without the GIL, see `treec.codegen.abi.CALL_WORDS`; ``wait(word, old, pauses, more)``
    looks at a word without it, see `treec.codegen.abi.WAIT_PARAMETERS`."""

    place: str
    card: dict[str, Any]
    facts: Facts
    n_features: int
    n_trees: int
    n_columns: int
    out_dtype: DType
    kernels: tuple[Kernel, ...]
    call: Callable[[bytes], int]
    wait: Callable[[int, int, int, int], int]
    owner: object
    source: OpenFile | None

    @cached_property
    def row_limits(self) -> tuple[int, ...]:
        """Numbers of rows up to which calls are served by other kernels than larger calls, ascending."""
        limits = {kernel.rows_max for kernel in self.kernels}
        return tuple(sorted(limits)[:-1])

    @property
    def device_name(self) -> str:
        """What runs it."""
        return "cpu"

    @property
    def code(self) -> str:
        """What the code is, for people."""
        return f"{len(self.kernels)} kernels"

    gives_labels: ClassVar[bool] = False
    """Whether code finds a row's classes: not on a CPU."""

    def all_bytes(self) -> bytes | None:
        """The file's bytes; None for code that the JIT made."""
        return None if self.source is None else self.source.all_bytes()

    def device_rows(self, tensor: Any) -> Any | None:
        """A tensor on a device as rows there: none for code that runs on a CPU."""
        return None

    def kernel(self, task: Task, row_dtype: DType, n_rows: int) -> Kernel | None:
        """The first kernel for this call; None if there is none."""
        for kernel in self.kernels:
            if kernel.task == task and kernel.row_dtype == row_dtype and n_rows <= kernel.rows_max:
                return kernel
        return None


def _at_end_of(owner: object, function: Callable[..., object], *arguments: object) -> None:
    # Not at the interpreter's exit: a thread may still be in the code.
    weakref.finalize(owner, function, *arguments).atexit = False


class OpenFile:
    """An artifact's file, held open: it stays the same file whatever happens to its name."""

    def __init__(self, descriptor: int, place: str) -> None:
        self.place = place
        self.descriptor = descriptor
        _at_end_of(self, os.close, descriptor)
        status = os.fstat(descriptor)
        self.size = status.st_size
        self.identity = (status.st_dev, status.st_ino)
        self.stamp = (status.st_mtime_ns, status.st_size)

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self.descriptor, size, offset)

    def was_overwritten(self) -> bool:
        status = os.fstat(self.descriptor)
        return (status.st_mtime_ns, status.st_size) != self.stamp

    def all_bytes(self) -> bytes:
        """The whole file; raises `ArtifactError` if it was overwritten since."""
        parts: list[bytes] = []
        done = 0
        while part := self.read(done, 1 << 24):
            parts.append(part)
            done += len(part)
        if self.was_overwritten() or done != self.size:
            raise ArtifactError("this file was overwritten while it was in use", place=self.place, fix="load it again")
        return b"".join(parts)


class _Mapped:
    """What the system's loader mapped from a file; unmapped when nothing uses it any more."""

    def __init__(self, file: OpenFile, handle: int) -> None:
        self.file = file
        self.handle = handle
        _at_end_of(self, _unmap, handle, file)


def _unmap(handle: int, file: OpenFile) -> None:
    """The loader runs code of the library to end it; where other bytes took its place that would crash, so it stays."""
    if not file.was_overwritten():
        _ctypes.dlclose(handle)


def open_file(path: str | os.PathLike[str]) -> Library | GpuLibrary:
    """Load the artifact at ``path`` as it is now, even if another was loaded from that path before.

    Raises `ArtifactError` for anything but a whole artifact for this machine, `UsageError` if the file can't be read.
    """
    place = os.fspath(path)
    try:
        # O_NONBLOCK: a named pipe would wait for a writer.
        file = OpenFile(os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), place)
        if not stat.S_ISREG(os.fstat(file.descriptor).st_mode):
            raise UsageError("this is no regular file", place=place, fix="name the file that treec wrote (`-o OUT.so`)")
        return _open(file)
    except OSError as error:
        raise unreadable(place, error) from error


def open_bytes(data: bytes, place: str = "artifact in memory") -> Library | GpuLibrary:
    """Load an artifact from its bytes. Raises `ArtifactError`."""
    return _open(_memory_file(data, place))


def _memory_file(data: bytes, place: str) -> OpenFile:
    descriptor = os.memfd_create("treec", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    return OpenFile(descriptor, place)


def _open(file: OpenFile) -> Library | GpuLibrary:
    if file.read(0, len(ZIP_HEAD)) == ZIP_HEAD:
        from treec.runtime.gpu_library import gpu_library  # a model for a CPU does not pay for it

        return gpu_library(file.all_bytes(), file.place)
    elf = parse_elf(file.read, file.size, file.place)
    if elf.machine != os.uname().machine:
        raise ArtifactError(
            f"this library is for {elf.machine} and this machine is {os.uname().machine}", place=file.place, fix=REBUILD
        )
    card = parse_card(file.read(elf.card.offset, elf.card.size), file.place)
    _check_whole(file, elf, card)
    mapped = _map(file)
    try:
        describe = _ctypes.dlsym(mapped.handle, DESCRIBE_SYMBOL)
    except OSError as error:
        raise ArtifactError(f"it does not export {DESCRIBE_SYMBOL}", place=file.place, fix=REBUILD) from error
    return _describe(describe, file.place, mapped, mapped.file, card)


def _check_whole(file: OpenFile, elf: Elf, card: dict[str, Any]) -> None:
    """Compare size and checksum with the card's. A file whose card is not finished (under verification) has neither."""
    said = card.get("file")
    if said is None:
        return
    if not isinstance(said, dict) or said != {"bytes": file.size, "crc32": crc_beside_card(file.read, elf)}:
        raise ArtifactError(
            "this library is damaged: its bytes are not those that were written",
            place=file.place,
            fix=f"copy it again, or {REBUILD}",
        )


_mapped: weakref.WeakValueDictionary[tuple[int, int], _Mapped] = weakref.WeakValueDictionary()
_mapped_lock = threading.Lock()
_serial = itertools.count(1)


def _map(file: OpenFile) -> _Mapped:
    """dlopen this very file. The system's loader takes a name or an inode that it knows for the library it has, so every
    file gets a name of its own, and one that was overwritten in place while loaded is loaded from a copy."""
    with _mapped_lock:
        known = _mapped.get(file.identity)
        if known is not None and known.file.stamp == file.stamp:
            return known
        if known is not None:
            file = _memory_file(file.all_bytes(), file.place)
        try:
            handle = _ctypes.dlopen(_unique_name(file), os.RTLD_NOW | os.RTLD_LOCAL)
        except OSError as error:
            raise ArtifactError(f"the system can't load this library: {error}", place=file.place, fix=REBUILD) from error
        mapped = _Mapped(file, handle)
        _mapped[file.identity] = mapped
        return mapped


def _unique_name(file: OpenFile) -> str:
    """A path to an open file that no call ever used before: a number written in ``//`` and ``/./``."""
    digits = f"{next(_serial):b}".replace("0", "//").replace("1", "/./")
    return f"/proc/self/fd{digits}{file.descriptor}"


def from_address(
    describe_address: int, keep_alive: object, card: dict[str, Any] | None = None, place: str = "compiled in memory"
) -> Library:
    """An artifact that the JIT put into this process: the address of its ``treec_describe``, what keeps it there, and its
    card where the space in the code is still empty."""
    return _describe(describe_address, place, keep_alive, None, card)


def _describe(address: int, place: str, owner: object, source: OpenFile | None, card: dict[str, Any] | None) -> Library:
    where = _DESCRIBE_TYPE(address)()
    if not where:
        raise ArtifactError("it describes nothing", place=place, fix=REBUILD)
    struct = ArtifactStruct.from_address(where)
    if struct.magic != MAGIC:
        raise ArtifactError("this library was not written by treec", place=place, fix="give a file that treec wrote")
    if struct.abi_version != ABI_VERSION:
        raise ArtifactError(
            f"this library has ABI version {struct.abi_version} and this treec runs {ABI_VERSION}",
            place=place,
            fix=f"use the treec that wrote it, or {REBUILD}",
        )
    if card is None:
        card = parse_card(ctypes.string_at(struct.card, struct.card_capacity), place)
    _check_cpu(struct, card, place)
    facts = facts_of(card, place)
    sizes = (struct.n_features, struct.n_trees, struct.n_columns)
    if sizes != (facts.n_features, facts.n_trees, facts.n_columns):
        raise ArtifactError(
            f"its code is for {sizes} features, trees, columns and its card says otherwise", place=place, fix=REBUILD
        )
    kernels = tuple(_kernel(struct.kernels[index]) for index in range(struct.n_kernels))
    call, wait = _CALL_TYPE(struct.call), _WAIT_TYPE(struct.wait)
    return Library(place, card, facts, *sizes, DType(struct.out_dtype), kernels, call, wait, owner, source)


def _kernel(struct: KernelStruct) -> Kernel:
    stages = tuple(
        Stage(s.run, Axis(s.axis), max(1, s.grain), s.workspace_bytes, s.n_groups)
        for s in (struct.stages[index] for index in range(struct.n_stages))
    )
    return Kernel(
        Task(struct.task),
        DType(struct.row_dtype),
        struct.rows_max,
        stages,
        max(1, struct.run_rows),
        struct.scratch_row_bytes,
        struct.row_cost if struct.row_cost > 0 else UNKNOWN_COST,
    )


def _check_cpu(struct: ArtifactStruct, card: dict[str, Any], place: str) -> None:
    if _CPU_CHECK_TYPE(struct.cpu_check)() == Status.OK:
        return
    cpu: dict[str, Any] = card.get("cpu") or {}
    lacking = missing_features(cpu.get("features") or ())
    best = host_level()
    raise ArtifactError(
        f"this library is built for {cpu.get('level', 'another CPU')} and this CPU lacks "
        f"{', '.join(lacking) if lacking else 'something that it needs'}",
        place=place,
        fix=f"compile the model again with `target cpu level={best or 'native'}`",
    )
