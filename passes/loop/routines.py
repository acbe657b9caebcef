"""Code that several stages have in common, as routines of the module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from xdsl.ir import Block, SSAValue

from treec.errors import CodegenError
from treec.passes.loop.builder import LoopBuilder
from treec.treeir.loop import AllocOp, CallOp, FuncOp, ReturnOp, RoutineOp
from treec.treeir.loop_routine import shape_of
from treec.treeir.loop_types import byte_size

Given = Mapping[str, SSAValue]
"""Arguments by name."""
RoutineBody = Callable[[LoopBuilder, Given], None]


class Routines:
    """Adds routines to a module, each once under its name."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._made: dict[str, RoutineOp] = {}

    def call(self, b: LoopBuilder, name: str, given: Given, body: RoutineBody) -> None:
        """Call the routine of that name. At its first call ``body`` writes it, with no values but those it is ``given``;
        later ones rely on the name, which tells everything that the code depends on."""
        values = list(given.values())
        routine = self._made.get(name)
        if routine is None:
            routine = self._made[name] = RoutineOp(name, [value.type for value in values], list(map(shape_of, values)))
            inner = dict(zip(given, routine.body.block.args, strict=True))
            for hint, argument in inner.items():
                argument.name_hint = hint
            body(LoopBuilder(routine.body.block), inner)
            routine.body.block.add_op(ReturnOp())
            self._block.add_op(routine)
        elif [value.type for value in values] != [argument.type for argument in routine.body.block.args]:
            raise CodegenError(f"the routine {name} is asked for with other arguments")
        b.call(name, values)

    def allocated_bytes(self, function: FuncOp | RoutineOp) -> int:
        """Bytes that a call of ``function`` allocates, with those of the routines that it calls."""
        calls = [op.routine.string_value() for op in function.walk() if isinstance(op, CallOp)]
        return allocated_bytes(function) + max((self.allocated_bytes(self._made[name]) for name in calls), default=0)


def allocated_bytes(function: FuncOp | RoutineOp) -> int:
    """Bytes that ``function`` itself allocates."""
    allocs = [op for op in function.walk() if isinstance(op, AllocOp)]
    return sum(byte_size(op.result.type.element) * prod(op.extents) for op in allocs)
