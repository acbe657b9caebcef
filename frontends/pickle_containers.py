"""The plain containers that a pickle may really make, from checked arguments."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from treec.frontends.pickle_records import Name, is_view

if TYPE_CHECKING:
    from treec.frontends.pickle_machine import Machine


def _items(machine: Machine, args: tuple[Any, ...], what: str) -> list[Any]:
    """The one list, tuple or set a plain container was called with; none is an empty list."""
    if not args:
        return []
    if len(args) != 1 or type(args[0]) not in (list, tuple, set, frozenset):
        machine.refuse(f"calls {what} in an unusual way")
    machine.charge(8 * len(args[0]))
    return list(args[0])


def _bytes(machine: Machine, args: tuple[Any, ...], what: str) -> bytes | memoryview[int]:
    if not args:
        return b""
    if len(args) == 1 and (isinstance(args[0], bytes) or is_view(args[0])):
        return args[0]
    if len(args) == 2 and type(args[0]) is str and args[1] in ("latin-1", "latin1"):
        machine.charge(len(args[0]))
        return args[0].encode("latin-1")
    machine.refuse(f"calls {what} in an unusual way")


def _bytearray(machine: Machine, args: tuple[Any, ...]) -> Any:
    raw = _bytes(machine, args, "builtins.bytearray")
    if isinstance(raw, memoryview):
        return raw
    machine.charge(len(raw))
    return bytearray(raw)


def _ordered(machine: Machine, args: tuple[Any, ...]) -> Any:
    made: OrderedDict[Any, Any] = OrderedDict()
    for pair in _items(machine, args, "collections.OrderedDict"):
        if type(pair) not in (list, tuple) or len(pair) != 2:
            machine.fail("a malformed ordered dict")
        made[machine.key(pair[0])] = pair[1]
    return made


def _default_dict(machine: Machine, args: tuple[Any, ...]) -> Any:
    """Without its factory: nothing will ask it for a key it does not have."""
    if len(args) > 1:
        machine.refuse("calls collections.defaultdict in an unusual way")
    made: dict[Any, Any] = {}
    return made


def _complex(machine: Machine, args: tuple[Any, ...]) -> Any:
    if len(args) != 2 or not all(type(part) is float for part in args):
        machine.refuse("calls builtins.complex in an unusual way")
    return complex(*args)


CONTAINERS: dict[Name, Callable[[Machine, tuple[Any, ...]], Any]] = {
    Name("builtins", "set"): lambda m, a: {m.key(item) for item in _items(m, a, "builtins.set")},
    Name("builtins", "frozenset"): lambda m, a: frozenset(m.key(item) for item in _items(m, a, "builtins.frozenset")),
    Name("builtins", "list"): lambda m, a: _items(m, a, "builtins.list"),
    Name("builtins", "tuple"): lambda m, a: tuple(_items(m, a, "builtins.tuple")),
    Name("builtins", "bytes"): lambda m, a: _bytes(m, a, "builtins.bytes"),
    Name("builtins", "bytearray"): _bytearray,
    Name("builtins", "complex"): _complex,
    Name("collections", "OrderedDict"): _ordered,
    Name("collections", "defaultdict"): _default_dict,
    Name("_codecs", "encode"): lambda m, a: _bytes(m, a, "_codecs.encode"),
}
