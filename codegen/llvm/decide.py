# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of trees as branches, each a function of its own.

LLVM's time grows faster than the size of a function: 100 trees of 32 leaves in one took ten times as long as apart. So a
tree is never inlined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from llvmlite import ir
from xdsl.ir import Operation, SSAValue

from treec.codegen.llvm.stage import Place, Stage
from treec.codegen.llvm.types import define_function, value_type
from treec.treeir import loop

EmitOp = Callable[[Stage, Operation], None]


def emit_decide(stage: Stage, op: loop.DecideOp, emit_op: EmitOp) -> None:
    """Call the tree's function with what its questions read of the stage."""
    captured = _Captured.of(stage, op)
    result = value_type(op.result.type)
    name = stage.module.get_unique_name(f"{stage.function.name}.tree")
    attributes = [*stage.attributes, "noinline"]
    function = define_function(
        stage.module, name, ir.FunctionType(result, [value.type for value in captured.given]), attributes
    )
    function.linkage = "internal"
    inner = captured.inside(stage, function)
    _TreeCode(inner, op).start()
    while inner.frames:
        emit_op(inner, next(inner.frames[-1].ops))
    stage.values[op.result] = stage.builder.call(function, captured.given)


class _Captured:
    """What the questions of a tree read from around it. Constants stay as they are; the rest, ``given``, are arguments."""

    def __init__(self) -> None:
        self.given: list[ir.Value] = []
        self.values: dict[SSAValue, ir.Value] = {}
        self.places: dict[SSAValue, Place] = {}

    @staticmethod
    def of(stage: Stage, op: loop.DecideOp) -> _Captured:
        captured = _Captured()
        for value in _read_from_outside(op):
            if value in stage.places:
                place = captured.places[value] = stage.place(value)
                captured._give(place.base, *place.strides)
            else:
                captured.values[value] = stage.value(value)
                captured._give(captured.values[value])
        return captured

    def _give(self, *values: ir.Value | None) -> None:
        self.given += [v for v in values if v is not None and not _is_constant(v) and v not in self.given]

    def inside(self, stage: Stage, function: ir.Function) -> Stage:
        """The state of emitting ``function``, where the values are arguments."""

        def of(value: ir.Value | None) -> ir.Value | None:
            return function.args[self.given.index(value)] if value in self.given else value

        places = {
            buffer: replace(place, base=of(place.base), strides=tuple(of(stride) for stride in place.strides))
            for buffer, place in self.places.items()
        }
        values = {inner: of(value) for inner, value in self.values.items()}
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        return Stage(
            stage.name, stage.module, function, builder, stage.tables, stage.level, stage.attributes, values, places
        )


def _read_from_outside(op: loop.DecideOp) -> Iterator[SSAValue]:
    """Values that are used in the questions and made before them, each once."""
    seen: set[SSAValue] = set()
    for question in op.questions:
        for inner in question.walk():
            for value in inner.operands:
                if value not in seen and not question.is_ancestor(value.owner):
                    seen.add(value)
                    yield value


def _is_constant(value: ir.Value) -> bool:
    return isinstance(value, (ir.Constant, ir.GlobalValue))


class _TreeCode:
    """The blocks of one tree: its nodes, which lie in preorder, so that the likely child may be the next block."""

    def __init__(self, stage: Stage, op: loop.DecideOp) -> None:
        self.stage = stage
        self.op = op
        self.nodes = op.nodes.array.tolist()
        self.blocks = [stage.new_block("node") for _ in self.nodes]
        self.leaves: list[tuple[ir.Block, int]] = []

    def start(self) -> None:
        self.stage.builder.branch(self.blocks[0])
        self._node(0)

    def _node(self, number: int) -> None:
        """Emit a node; when its question is, the nodes after it."""
        true, false, asks, place = self.nodes[number]
        question, constants = self.op.questions[asks].block, self.op.constants.data[asks]
        stage = self.stage
        stage.start(self.blocks[number])
        for argument, blob in zip(question.args, constants, strict=True):
            stage.values[argument] = ir.Constant(value_type(argument.type), blob.array[place].item())

        def finish(terminator: Operation) -> None:
            assert isinstance(terminator, loop.YieldOp)
            targets = [self._target(child) for child in (true, false)]
            stage.builder.cbranch(stage.value(terminator.values[0]), *targets)
            if number + 1 < len(self.nodes):
                self._node(number + 1)
            else:
                self._return_leaves()

        stage.enter(question, finish)

    def _target(self, child: int) -> ir.Block:
        if child >= 0:
            return self.blocks[child]
        block = self.stage.new_block("leaf")
        self.leaves.append((block, ~child))
        return block

    def _return_leaves(self) -> None:
        type_, leaves = value_type(self.op.result.type), self.op.leaves.array
        for block, leaf in self.leaves:
            self.stage.start(block)
            self.stage.builder.ret(ir.Constant(type_, leaves[leaf].item()))
