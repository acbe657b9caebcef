"""Arrays in the IR, by reference.

A million thresholds must not become a million attributes: an op holds a `BlobAttr`, which holds a read-only numpy array.
Small arrays print inline; larger ones print as their digest, and live beside the text as ``blobs/<digest>.npy``.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

INLINE_BYTES = 64
BLOB_FOLDER = "blobs"


@dataclass(frozen=True, eq=False)
class Blob:
    """A read-only C-contiguous array with a content digest that is computed at most once."""

    array: NDArray[Any]

    def __post_init__(self) -> None:
        view = np.ascontiguousarray(self.array).view()
        if view.shape != self.array.shape:  # ascontiguousarray makes 0-d arrays 1-d
            view = view.reshape(self.array.shape)
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @cached_property
    def digest(self) -> str:
        head = f"{self.array.dtype.descr}{self.array.shape}".encode()
        state = hashlib.blake2b(head, digest_size=16)
        state.update(self.array.reshape(-1).view(np.uint8).data if self.array.size else b"")
        return state.hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Blob) and self.digest == other.digest)


class BlobStore:
    """digest → Blob, for text that names arrays by digest: those alive in this process, then those in known folders."""

    def __init__(self) -> None:
        self.alive: WeakValueDictionary[str, Blob] = WeakValueDictionary()
        self.folders: list[Path] = []

    def add_folder(self, folder: Path) -> None:
        """Also look for ``<digest>.npy`` in ``folder``."""
        if folder not in self.folders:
            self.folders.append(folder)

    def find(self, digest: str) -> Blob | None:
        """The blob with this digest; None if it is not known, or its file's content is not what the name says."""
        if (blob := self.alive.get(digest)) is not None:
            return blob
        for folder in self.folders:
            path = folder / f"{digest}.npy"
            if path.is_file():
                blob = Blob(np.load(path, allow_pickle=False))
                if blob.digest != digest:
                    return None
                self.alive[digest] = blob
                return blob
        return None

    def save(self, blob: Blob, folder: Path) -> Path:
        """Write ``<digest>.npy``, whole or not at all, unless it is there. Raises `OSError`."""
        path = folder / f"{blob.digest}.npy"
        if path.exists():
            return path
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{blob.digest}.{os.getpid()}.tmp"
        try:
            with part.open("wb") as stream:
                np.save(stream, blob.array, allow_pickle=False)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        return path


STORE = BlobStore()


@irdl_attr_definition
class BlobAttr(Data[Blob]):
    """``<"<f4", [3], "0x..">`` when small, ``<"<f4", [1000000], @digest>`` when large."""

    name = "forest.blob"

    @staticmethod
    def of(array: NDArray[Any]) -> BlobAttr:
        return BlobAttr(Blob(array))

    @property
    def array(self) -> NDArray[Any]:
        return self.data.array

    def print_parameter(self, printer: Printer) -> None:
        array = self.data.array
        with printer.in_angle_brackets():
            printer.print_string_literal(dtype_text(array.dtype))
            printer.print_string(f", [{', '.join(map(str, array.shape))}], ")
            if array.nbytes <= INLINE_BYTES:
                printer.print_string_literal("0x" + array.tobytes().hex())
            else:
                STORE.alive[self.data.digest] = self.data
                printer.print_string(f'@"{self.data.digest}"')

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Blob:
        with parser.in_angle_brackets():
            dtype = parse_dtype(parser)
            parser.parse_punctuation(",")
            shape = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
            parser.parse_punctuation(",")
            if (text := parser.parse_optional_str_literal()) is not None:
                try:
                    data = bytes.fromhex(text.removeprefix("0x"))
                    return Blob(np.frombuffer(data, dtype).reshape(shape))
                except ValueError as error:
                    parser.raise_error(f"inline array does not fit its dtype and shape: {error}")
            digest = parser.parse_symbol_name().data
            if (blob := STORE.find(digest)) is None:
                parser.raise_error(f"array @{digest} is not loaded: no {BLOB_FOLDER}/{digest}.npy beside the text")
            if blob.array.dtype != dtype or list(blob.array.shape) != shape:
                parser.raise_error(f"array @{digest} has another dtype or shape than the text says")
            return blob


def dtype_text(dtype: np.dtype[Any]) -> str:
    """A dtype in one string; fields of a record as ``name:offset:format`` and the record's size last. ``8<f4`` is a field
    of eight numbers."""
    if dtype.fields is None:
        return dtype.str
    fields = [f"{name}:{offset}:{_format(kind)}" for name, (kind, offset, *_) in dtype.fields.items()]
    return ";".join([*fields, str(dtype.itemsize)])


def _format(kind: np.dtype[Any]) -> str:
    return kind.str if kind.subdtype is None else f"{kind.shape[0]}{kind.base.str}"


def parse_dtype(parser: AttrParser) -> np.dtype[Any]:
    text = parser.parse_str_literal()
    try:
        if ":" not in text:
            return np.dtype(text)
        *fields, size = text.split(";")
        names, offsets, formats = zip(*(field.split(":") for field in fields), strict=True)
        return np.dtype({"names": names, "offsets": [int(o) for o in offsets], "formats": formats, "itemsize": int(size)})
    except (TypeError, ValueError) as error:
        parser.raise_error(f"unknown dtype {text!r}: {error}")
