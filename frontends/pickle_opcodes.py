"""What each pickle opcode of protocols 0 to 5 does to a `Machine`. Those that are not here are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from treec.frontends.pickle_machine import Machine, Operations
from treec.frontends.pickle_records import is_view

_MAX_INT_BYTES = 4096

_U8 = struct.Struct("<B")
_U16 = struct.Struct("<H")
_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_F64 = struct.Struct(">d")


def _protocol(m: Machine) -> None:
    m.protocol = m.take(1)[0]
    if m.protocol > 5:
        m.fail(f"pickle protocol {m.protocol} is not known")


def _integer(m: Machine) -> None:
    text = m.line()
    if text in (b"00", b"01"):
        m.push(text == b"01")
    else:
        m.push(int(text))


def _long_text(m: Machine) -> None:
    m.push(int(m.line().removesuffix(b"L")))


def _long(m: Machine, size: int) -> None:
    if not 0 <= size <= _MAX_INT_BYTES:
        m.fail(f"an integer of {size} bytes")
    m.push(int.from_bytes(m.take(size), "little", signed=True))


def _text(m: Machine, size: int) -> None:
    if size > len(m.data) - m.at:
        m.fail(f"the pickle is truncated: a text of {size} bytes is claimed, {len(m.data) - m.at} are left")
    m.push(str(m.take(size), "utf-8", "surrogatepass"))


def _byte_array(m: Machine) -> None:
    raw = m.take_view(m.number(_U64))
    m.push(raw if is_view(raw) else bytearray(raw))


def _mark(m: Machine) -> None:
    m.marks.append(m.stack)
    m.stack = []


def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _tuple_of(size: int) -> Callable[[Machine], None]:
    def make(m: Machine) -> None:
        if len(m.stack) < size:
            m.fail("the pickle's stack is empty")
        m.stack[-size:] = [tuple(m.stack[-size:])]

    return make


def _collect(make: Callable[[Machine, list[Any]], Any]) -> Callable[[Machine], None]:
    def operation(m: Machine) -> None:
        items = m.pop_mark()
        m.push(make(m, items))

    return operation


def _dict(m: Machine, flat: list[Any]) -> Any:
    if len(flat) % 2:
        m.fail("a key without a value")
    return {m.key(key): value for key, value in zip(flat[::2], flat[1::2], strict=True)}


def _global(m: Machine) -> None:
    module = str(m.line(), "utf-8")
    m.push(m.name(module, str(m.line(), "utf-8")))


def _stack_global(m: Machine) -> None:
    qualname, module = m.stack.pop(), m.stack.pop()
    m.push(m.name(module, qualname))


def _reduce(m: Machine) -> None:
    args = m.stack.pop()
    m.stack[-1] = m.call(m.stack[-1], args)


def _new_object_with_keywords(m: Machine) -> None:
    kwargs, args = m.stack.pop(), m.stack.pop()
    m.stack[-1] = m.call(m.stack[-1], args, kwargs)


def _instance(m: Machine) -> None:
    module = str(m.line(), "utf-8")
    name = m.name(module, str(m.line(), "utf-8"))
    m.push(m.call(name, tuple(m.pop_mark())))


def _object(m: Machine) -> None:
    callee, *args = m.pop_mark()
    m.push(m.call(callee, tuple(args)))


def _append(m: Machine) -> None:
    item = m.stack.pop()
    m.extend([item])


def _set_item(m: Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    m.set_pairs([key, value])


def _with_mark(act: Callable[[Machine, list[Any]], None]) -> Callable[[Machine], None]:
    def operation(m: Machine) -> None:
        act(m, m.pop_mark())

    return operation


def _drop(_: object) -> None: ...


OPERATIONS: Operations = {
    0x80: _protocol,
    0x95: lambda m: _drop(m.take(8)),  # FRAME: frames only help a reader that has no random access
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("I"): _integer,
    ord("L"): _long_text,
    ord("J"): lambda m: m.push(m.number(_I32)),
    ord("K"): lambda m: m.push(m.number(_U8)),
    ord("M"): lambda m: m.push(m.number(_U16)),
    0x8A: lambda m: _long(m, m.number(_U8)),
    0x8B: lambda m: _long(m, m.number(_I32)),
    ord("F"): lambda m: m.push(float(m.line())),
    ord("G"): lambda m: m.push(m.number(_F64)),
    ord("V"): lambda m: m.push(str(m.line(), "raw-unicode-escape")),
    ord("X"): lambda m: _text(m, m.number(_U32)),
    0x8C: lambda m: _text(m, m.number(_U8)),
    0x8D: lambda m: _text(m, m.number(_U64)),
    ord("B"): lambda m: m.push(m.take_view(m.number(_U32))),
    ord("C"): lambda m: m.push(m.take(m.number(_U8))),
    0x8E: lambda m: m.push(m.take_view(m.number(_U64))),
    0x96: _byte_array,
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: _drop(m.pop_mark()),
    ord("2"): lambda m: m.push(m.stack[-1]),
    ord(")"): lambda m: m.push(()),
    ord("t"): _collect(lambda _, items: tuple(items)),
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
    ord("]"): lambda m: m.push([]),
    ord("l"): _collect(lambda _, items: items),
    ord("}"): lambda m: m.push({}),
    ord("d"): _collect(_dict),
    0x8F: lambda m: m.push(set()),
    0x91: _collect(lambda m, items: frozenset(m.key(item) for item in items)),
    ord("a"): _append,
    ord("e"): _with_mark(lambda m, items: m.extend(items)),
    ord("s"): _set_item,
    ord("u"): _with_mark(lambda m, flat: m.set_pairs(flat)),
    0x90: _with_mark(lambda m, items: m.add_all(items)),
    ord("p"): lambda m: m.remember(int(m.line())),
    ord("q"): lambda m: m.remember(m.number(_U8)),
    ord("r"): lambda m: m.remember(m.number(_U32)),
    0x94: lambda m: m.remember(len(m.memo)),
    ord("g"): lambda m: m.push(m.memo[int(m.line())]),
    ord("h"): lambda m: m.push(m.memo[m.number(_U8)]),
    ord("j"): lambda m: m.push(m.memo[m.number(_U32)]),
    ord("c"): _global,
    0x93: _stack_global,
    ord("R"): _reduce,
    0x81: _reduce,  # NEWOBJ: a class instead of a function, to us the same
    0x92: _new_object_with_keywords,
    ord("i"): _instance,
    ord("o"): _object,
    ord("b"): lambda m: m.build(m.stack.pop()),
}
