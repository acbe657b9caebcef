# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""The state of emitting one stage function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from llvmlite import ir
from xdsl.ir import Attribute, Block, Operation, SSAValue

from treec.codegen.abi import STAGE_PARAMETERS
from treec.codegen.cpu_levels import CpuLevel
from treec.codegen.llvm.types import define_function
from treec.errors import CodegenError
from treec.treeir.loop_types import BufferType, Scope

ARGUMENT = {parameter.name: index for index, parameter in enumerate(STAGE_PARAMETERS)}
"""Position of each parameter of a stage function."""


@dataclass(frozen=True)
class Place:
    """Where a buffer lies: a pointer to its first element and a stride per dimension, in elements (None for 1).

    ``align``: what its first element is aligned to, in bytes; 1 if nothing is known.
    """

    base: ir.Value
    strides: tuple[ir.Value | None, ...]
    element: Attribute
    scope: Scope
    align: int
    writable: bool = True


@dataclass(frozen=True)
class EmittedRoutine:
    """The function of a routine, and the bytes of workspace that a call of it needs."""

    function: ir.Function
    workspace_bytes: int


Finish = Callable[[Operation], None]


@dataclass
class Frame:
    """A region that is being emitted: the ops to come, and what to do at its terminator."""

    ops: Iterator[Operation]
    finish: Finish


@dataclass
class Stage:
    """One stage function, or routine: LLVM values of SSA values, places of buffers, and the stack of open regions.

    The stack is explicit, so the depth of nested ifs is not bounded by Python's.
    """

    name: str
    module: ir.Module
    function: ir.Function
    builder: ir.IRBuilder
    tables: dict[str, Place]
    level: CpuLevel
    attributes: tuple[str, ...]
    """Of functions for this level."""
    values: dict[SSAValue, ir.Value] = field(default_factory=dict)
    places: dict[SSAValue, Place] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    routines: dict[str, EmittedRoutine] = field(default_factory=dict)
    """What it may call."""
    workspace: ir.Value | None = None
    allotted_bytes: int = 0
    own_bytes: int = 0
    """Of workspace: what allocations have been given, and what they all take."""
    called_bytes: int = 0
    """What the routines that it calls need behind that."""

    @property
    def workspace_bytes(self) -> int:
        return self.own_bytes + self.called_bytes

    def value(self, value: SSAValue) -> ir.Value:
        if (found := self.values.get(value)) is None:
            raise CodegenError(f"{value.type} can't be used as a value here", place=f"stage @{self.name}")
        return found

    def value_list(self, values: Sequence[SSAValue]) -> list[ir.Value]:
        return [self.value(value) for value in values]

    def place(self, buffer: SSAValue) -> Place:
        if (found := self.places.get(buffer)) is None:
            raise CodegenError(
                "a buffer is an argument, a table or an allocation; it can't be chosen or carried",
                place=f"stage @{self.name}",
            )
        return found

    def argument(self, name: str) -> ir.Value:
        return self.function.args[ARGUMENT[name]]

    def new_block(self, name: str) -> ir.Block:
        """A block that is not yet part of the function: `start` puts it there, so that text follows control flow."""
        return ir.Block(parent=self.function, name=name)

    def start(self, block: ir.Block) -> None:
        self.function.blocks.append(block)
        self.builder.position_at_end(block)

    def enter(self, block: Block, finish: Finish) -> None:
        """Emit a region's block next; ``finish`` gets its terminator."""
        self.frames.append(Frame(iter(block.ops), finish))

    def leave(self, terminator: Operation) -> None:
        self.frames.pop().finish(terminator)

    def declare(self, name: str, type_: ir.FunctionType, attributes: Sequence[str] = ()) -> ir.Function:
        """The declaration of an outside function or intrinsic, made once per module."""
        if isinstance(found := self.module.globals.get(name), ir.Function):
            return found
        return define_function(self.module, name, type_, attributes)

    def metadata(self) -> ir.MDValue:
        """The empty node, which most flags of instructions are."""
        return self.module.add_metadata([])


def buffer_type(buffer: SSAValue) -> BufferType:
    if not isinstance(buffer.type, BufferType):
        raise CodegenError(f"expected a buffer, not {buffer.type}")
    return buffer.type
