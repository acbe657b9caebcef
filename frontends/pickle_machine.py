"""A pickle machine that makes nothing: every opcode of protocols 0 to 5, on inert records.

Why not `pickle.Unpickler` with its own ``find_class``: its extension registry, its buffers, its recursion on deep keys
and joblib's inner `pickle.load` are ways around it. Here a call is a record, a global is a name, and what an opcode may
do is all here. The file is in memory; arrays and long byte strings are views of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends import pickle_arrays as arrays
from treec.frontends.pickle_containers import CONTAINERS
from treec.frontends.pickle_records import (
    TRUST_FIX,
    UNSET,
    Name,
    Recorded,
    describe,
    is_array,
    is_attributes,
    is_dict,
    is_list,
    is_tuple,
)

MAX_OPCODES = 10_000_000
_MAX_NESTED = 8
_VIEW_FROM = 1 << 16
_MAX_KEY_INT = 1 << 60
_SCALARS = (str, bytes, bool, int, float, type(None), np.generic, Name, Recorded)
_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}

WRAPPER = Name("joblib.numpy_pickle", "NumpyArrayWrapper")
_NEW_OBJECT = Name("copyreg", "_reconstructor")
_NEW = Name("copyreg", "__newobj__")
_OBJECT = Name("builtins", "object")
_PENDING = arrays.RECONSTRUCT | {arrays.DTYPE, WRAPPER}


_REFUSED = {
    ord("P"): "refers to an object outside itself (persistent id)",
    ord("Q"): "refers to an object outside itself (persistent id)",
    0x82: "uses the extension registry (EXT1)",
    0x83: "uses the extension registry (EXT2)",
    0x84: "uses the extension registry (EXT4)",
    0x97: "refers to a buffer outside itself (NEXT_BUFFER)",
    0x98: "refers to a buffer outside itself (READONLY_BUFFER)",
    ord("S"): "was written by Python 2 (STRING)",
    ord("T"): "was written by Python 2 (BINSTRING)",
    ord("U"): "was written by Python 2 (SHORT_BINSTRING)",
}

Operations = Mapping[int, Callable[["Machine"], None]]
"""What each opcode does (`treec.frontends.pickle_opcodes`)."""


class Budget:
    """What one file may make: opcodes, and bytes copied beyond the file itself. Shared with nested pickles."""

    def __init__(self, file_size: int) -> None:
        self.opcodes = MAX_OPCODES
        self.copies = 4 * file_size + (64 << 20)


class Machine:
    """Reads one pickle that starts at ``data[at]``; after `run`, ``at`` is behind its end."""

    def __init__(
        self,
        data: bytes,
        place: str,
        operations: Operations,
        *,
        at: int = 0,
        depth: int = 0,
        budget: Budget | None = None,
    ) -> None:
        self.operations = operations
        self.data = data
        self.view = memoryview(data)
        self.file = place
        self.at = at
        self.start = at
        self.depth = depth
        self.budget = budget or Budget(len(data))
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.unfinished: dict[int, list[int]] = {}
        self.names: dict[Name, int] = {}
        self.protocol = 0
        self.has_joblib_arrays = False

    def run(self) -> Any:
        """The root object; raises `ModelError` for anything malformed or refused."""
        try:
            return self._run()
        except ModelError:
            raise
        except (IndexError, KeyError, struct.error, ValueError, TypeError, OverflowError, AttributeError) as error:
            self.fail(f"the pickle is truncated or malformed ({type(error).__name__}: {str(error)[:80]})")
        except MemoryError:
            self.fail("the pickle asks for more memory than there is")

    def _run(self) -> Any:
        data, operations, budget = self.data, self.operations, self.budget
        while True:
            opcode = data[self.at]
            self.at += 1
            if opcode == 0x2E:  # STOP
                return self.stack.pop()
            budget.opcodes -= 1
            operation = operations.get(opcode)
            if operation is None:
                self.refuse_opcode(opcode)
            if budget.opcodes < 0:
                self.fail(f"the pickle has more than {MAX_OPCODES} steps", fix=TRUST_FIX)
            operation(self)

    @property
    def place(self) -> str:
        return f"{self.file}: byte {self.at}"

    def fail(self, message: str, *, fix: str | None = "get the file again from where it was made") -> NoReturn:
        raise ModelError(message, place=self.place, fix=fix)

    def refuse(self, message: str) -> NoReturn:
        raise ModelError(f"refused: the pickle {message}", place=self.place, fix=TRUST_FIX)

    def refuse_opcode(self, opcode: int) -> NoReturn:
        what = _REFUSED.get(opcode)
        if what is None:
            self.fail(f"0x{opcode:02x} is no pickle opcode")
        self.refuse(what)

    # Reading

    def take(self, size: int) -> bytes:
        if size < 0 or size > len(self.data) - self.at:
            self.fail(f"the pickle is truncated: {size} bytes are missing here")
        self.at += size
        return self.data[self.at - size : self.at]

    def take_view(self, size: int) -> bytes | memoryview[int]:
        """Bytes; a view of the file if they are long."""
        if size < _VIEW_FROM:
            return self.take(size)
        if size > len(self.data) - self.at:
            self.fail(f"the pickle is truncated: {size} bytes are claimed, {len(self.data) - self.at} are left")
        self.at += size
        return self.view[self.at - size : self.at]

    def number(self, layout: struct.Struct) -> int:
        return layout.unpack(self.take(layout.size))[0]

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            self.fail("the pickle is truncated inside a line")
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def charge(self, size: int) -> None:
        self.budget.copies -= size
        if self.budget.copies < 0:
            self.fail("the pickle copies the same data over and over", fix=None)

    # Stack and memo

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def remember(self, key: int) -> None:
        value = self.stack[-1]
        self.memo[key] = value
        if type(value) is Recorded and value.name in _PENDING and value.state is UNSET:
            self.unfinished.setdefault(id(value), []).append(key)

    def finish(self, record: Recorded, value: Any) -> None:
        """The record on top of the stack turned out to be ``value``; so do its mentions in the memo."""
        self.stack[-1] = value
        for key in self.unfinished.pop(id(record), ()):
            if self.memo.get(key) is record:
                self.memo[key] = value

    # Names, calls, state

    def name(self, module: object, qualname: object) -> Name:
        if type(module) is not str or type(qualname) is not str:
            self.fail("a name that is no text")
        if self.protocol < 3:
            module = _PYTHON_2.get(module, module)
        name = Name(module, qualname)
        self.names.setdefault(name, self.at)
        return name

    def call(self, callee: object, args: object, kwargs: object = None) -> Any:
        """What a pickle would have called: a plain container, a part of numpy, or a record."""
        if not isinstance(callee, Name):
            self.refuse(f"calls {describe(callee)}")
        if not is_tuple(args):
            self.refuse(f"calls {callee} with {describe(args)}")
        if kwargs is not None:
            if not is_attributes(kwargs):
                self.refuse(f"calls {callee} with {describe(kwargs)} as keywords")
            return Recorded(callee, args, kwargs)
        if callee in (_NEW_OBJECT, _NEW):
            return self._new_object(callee, args)
        container = CONTAINERS.get(callee)
        if container is not None:
            return container(self, args)
        if callee in arrays.FROM_BUFFER:
            return arrays.from_buffer(args, self.place)
        if callee in arrays.SCALAR:
            return arrays.scalar(args, self.place)
        return Recorded(callee, args)

    def _new_object(self, callee: Name, args: tuple[Any, ...]) -> Any:
        if callee == _NEW and args and isinstance(args[0], Name):
            return self.call(args[0], args[1:])
        if callee == _NEW_OBJECT and len(args) == 3 and isinstance(args[0], Name) and args[1:] == (_OBJECT, None):
            return self.call(args[0], ())
        self.refuse(f"calls {callee} in an unusual way")

    def build(self, state: Any) -> None:
        record = self.stack[-1]
        if type(record) is not Recorded:
            self.refuse(f"sets the state of {describe(record)}")
        if record.state is not UNSET:
            self.refuse(f"sets the state of {record.name} twice")
        if record.name in arrays.RECONSTRUCT:
            if is_tuple(state) and state and is_list(state[-1]):
                self.charge(8 * len(state[-1]))
            self.finish(record, arrays.array_from_state(record.args, state, self.place))
        elif record.name == arrays.DTYPE:
            self.finish(record, arrays.dtype_from_state(record.args, state, self.place))
        elif record.name == WRAPPER:
            self.finish(record, self._joblib_array(state))
        else:
            record.state = state

    def _joblib_array(self, state: Any) -> Any:
        """The array whose bytes follow the wrapper in a joblib file."""
        if not is_dict(state):
            self.fail("a malformed joblib array")
        get = state.get
        if get("subclass") not in arrays.SUBCLASSES:
            raise UnsupportedModelError(f"an array of type {describe(get('subclass'))}", place=self.place)
        self.has_joblib_arrays = True
        dtype, shape, size = arrays.array_size(get("dtype"), get("shape"), self.place)
        if dtype.hasobject:
            return self._nested_array()
        if get("numpy_array_alignment_bytes") is not None:
            self.take(self.take(1)[0])
        if size > len(self.data) - self.at:
            self.fail(f"an array of {dtype} with shape {shape} needs {size} bytes, and {len(self.data) - self.at} are left")
        raw = self.view[self.at : self.at + size]
        self.at += size
        return arrays.array_from_buffer(raw, dtype, shape, fortran=get("order") == "F", place=self.place)

    def _nested_array(self) -> Any:
        """An array of objects in a joblib file is a pickle in the pickle, with a stack and a memo of its own."""
        if self.depth >= _MAX_NESTED:
            self.refuse("nests joblib arrays too deeply")
        inner = Machine(self.data, self.file, self.operations, at=self.at, depth=self.depth + 1, budget=self.budget)
        array = inner.run()
        self.at = inner.at
        for name, at in inner.names.items():
            self.names.setdefault(name, at)
        if not is_array(array):
            self.fail(f"an array of objects was expected, found {describe(array)}")
        return array

    def key(self, value: object) -> Any:
        """A dict key or set member: plain and cheap to hash (a deep tuple overflows the C stack)."""
        if is_tuple(value):
            for part in value:
                self._key_part(part)
        else:
            self._key_part(value)
        return value

    def _key_part(self, value: object) -> None:
        if not isinstance(value, _SCALARS) or (isinstance(value, int) and abs(value) > _MAX_KEY_INT):
            self.refuse(f"uses {describe(value)} as a key")

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if is_list(target):
            target.extend(items)
        elif type(target) is Recorded:
            target.items = target.items or []
            target.items.extend(items)
        else:
            self.refuse(f"appends to {describe(target)}")

    def set_pairs(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        if len(flat) % 2:
            self.fail("a key without a value")
        pairs = zip(flat[::2], flat[1::2], strict=True)
        if is_dict(target):
            for key, value in pairs:
                target[self.key(key)] = value
        elif type(target) is Recorded:
            target.pairs = target.pairs or []
            target.pairs.extend(pairs)
        else:
            self.refuse(f"sets items of {describe(target)}")

    def add_all(self, items: list[Any]) -> None:
        target: Any = self.stack[-1]
        if type(target) is set:
            target.update(self.key(item) for item in items)  # pyright: ignore[reportUnknownMemberType]
        else:
            self.extend(items)
