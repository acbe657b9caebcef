"""Pickle and joblib files, read without running them.

A pickle is a program that names functions and calls them. Here no name is imported and no call is made: each becomes an
inert `Name` or `Recorded`, from which frontends read attributes. Only plain containers and numpy dtypes, arrays and
scalars are made, by our own code (`treec.frontends.pickle_arrays`). Byte strings of 64 KiB and more, and the data of
arrays, are read-only views of the file.

Understood: pickle protocols 0 to 5 of Python 3, joblib files (arrays inline, objects arrays nested), and joblib's
compressions zlib, gzip, bz2, lzma and xz. Joblib's file-per-array format of before 0.10 is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from treec.errors import ModelError
from treec.frontends.pickle_machine import Machine
from treec.frontends.pickle_opcodes import OPERATIONS
from treec.frontends.pickle_packed import packer, unpack
from treec.frontends.pickle_records import TRUST_FIX, Name, Recorded, as_bytes, attributes, describe

__all__ = [
    "Name",
    "Reading",
    "Recorded",
    "as_bytes",
    "attributes",
    "describe",
    "looks_like_pickle",
    "read_pickle",
    "refuse_unexpected",
]

_LIBRARIES = ("sklearn", "xgboost", "lightgbm")
_PACKAGES = ("numpy.random",)
_EXPECTED = {
    "builtins": {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range"}
    | {"set", "slice", "str", "tuple", "type"},
    "_codecs": {"encode"},
    "collections": {"OrderedDict", "defaultdict"},
    "copyreg": {"__newobj__", "_reconstructor"},
    "functools": {"partial"},
    "joblib.numpy_pickle": {"NumpyArrayWrapper"},
    "numpy": {"dtype", "memmap", "ndarray"}
    | {"bool", "bool_", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "intp", "str_"}
    | {"uint16", "uint32", "uint64", "uint8"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
    "numpy._core.numeric": {"_frombuffer"},
}


@dataclass(frozen=True, eq=False)
class Reading:
    """A pickle that was read: ``names`` maps each global it mentions to where it does first (a byte position)."""

    root: Any
    names: dict[Name, int]
    place: str
    joblib: bool
    compression: str | None


def looks_like_pickle(data: bytes) -> bool:
    """Whether the bytes start as pickles do: by protocol for 2 and up, by first opcodes and a last ``.`` below that."""
    if data[:1] == b"\x80":
        return len(data) < 2 or data[1] <= 5
    first = data[:1]
    # Protocols 0 and 1 have no header: a model starts as a call of copyreg._reconstructor or of a class.
    return first in (b"c", b"(", b"i", b"]", b"}") and data[-1:] == b"." and b"\n" in data[:300]


def read_pickle(data: bytes, *, place: str = "pickle") -> Reading:
    """Read one pickle or joblib file (compressed or not) to its end. Nothing in it is imported or called.

    Raises `ModelError` with ``place`` and the byte position for truncated, malformed or hostile data.
    """
    compression = packer(data)
    if compression is not None:
        data = unpack(data, compression, place=place)
    machine = Machine(data, place, OPERATIONS)
    root = machine.run()
    if machine.at != len(data):
        machine.fail(f"{len(data) - machine.at} bytes follow the end of the pickle", fix="save one model to one file")
    return Reading(root, machine.names, place, machine.has_joblib_arrays, compression)


def refuse_unexpected(reading: Reading) -> None:
    """Refuse, by name, a pickle that mentions a global no model of a known library needs."""
    for name, at in reading.names.items():
        if not _expected(name):
            raise ModelError(
                f"refused: the pickle refers to {name}, which no scikit-learn, XGBoost or LightGBM model needs",
                place=f"{reading.place}: byte {at}",
                fix=TRUST_FIX,
            )


def _expected(name: Name) -> bool:
    if name.module.split(".")[0] in _LIBRARIES:
        return True
    if any(name.module == package or name.module.startswith(package + ".") for package in _PACKAGES):
        return True
    return name.qualname in _EXPECTED.get(name.module, ())
