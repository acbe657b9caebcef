# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false
"""Emission of look-ups and rearrangements of lanes: generic vector IR, but for permutes by a variable index and matrices of
bits, which AVX-512 has instructions for and LLVM's IR has not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from llvmlite import ir

from treec.codegen.llvm.memory import address
from treec.codegen.llvm.stage import Stage
from treec.codegen.llvm.types import I1, I8, I32, I64, POINTER, define_function, memory_type, splat
from treec.treeir import loop
from treec.treeir.loop_shuffle import BYTE_ROWS

VECTOR_BITS = 512
_NAMES = {"float": "ps", "double": "pd", "i32": "d", "i64": "q", "i8": "qi"}
_ONE_TABLE = {"float": "sf", "double": "df", "i32": "si", "i64": "di", "i8": "qi"}
"""Of LLVM's intrinsics, by the type of lanes."""


def emit_shuffle(stage: Stage, op: loop.ShuffleOp) -> None:
    table, index = stage.value(op.table), stage.value(op.index)
    emit = _permute if _is_permute(stage, table.type, index.type) else _extract
    stage.values[op.result] = emit(stage, table, index)


def _is_permute(stage: Stage, table: ir.VectorType, index: ir.VectorType) -> bool:
    """One permute of 512-bit registers looks all lanes up."""
    bits = _bits(table.element)
    if bits * index.count != VECTOR_BITS or table.count < index.count or index.element.width > bits:
        return False
    return stage.level.has("avx512f") if bits >= 32 else bits == 8 and stage.level.has("avx512vbmi")


def _bits(type_: ir.Type) -> int:
    return {"float": 32, "double": 64}.get(str(type_)) or type_.width


def _permute(stage: Stage, table: ir.Value, index: ir.Value) -> ir.Value:
    """Permutes of two registers, then choices between them by the upper bits of the index."""
    b, lanes = stage.builder, index.type.count
    bits = _bits(table.type.element)
    wide = ir.VectorType(ir.IntType(bits), lanes)
    number = index if index.type.element == wide.element else b.zext(index, wide)
    type_ = ir.VectorType(table.type.element, lanes)
    parts = [_part(stage, table, at, lanes) for at in range(0, table.type.count, lanes)]
    if len(parts) == 1:
        name = f"llvm.x86.avx512.permvar.{_ONE_TABLE[str(type_.element)]}.512"
        return b.call(stage.declare(name, ir.FunctionType(type_, [type_, wide])), [parts[0], number])
    name = f"llvm.x86.avx512.vpermi2var.{_NAMES[str(type_.element)]}.512"
    function = stage.declare(name, ir.FunctionType(type_, [type_, wide, type_]))
    found = [b.call(function, [parts[at], number, parts[at + 1]]) for at in range(0, len(parts), 2)]
    bit = 2 * lanes
    while len(found) > 1:
        upper = b.icmp_unsigned("!=", b.and_(number, splat(wide, bit)), splat(wide, 0))
        found = [b.select(upper, found[at + 1], found[at]) for at in range(0, len(found), 2)]
        bit *= 2
    return found[0]


def _part(stage: Stage, table: ir.Value, first: int, lanes: int) -> ir.Value:
    if table.type.count == lanes:
        return table
    return _rearranged(stage.builder, table, table, range(first, first + lanes))


def _rearranged(b: ir.IRBuilder, lhs: ir.Value, rhs: ir.Value, lanes: range | list[int]) -> ir.Value:
    return b.shuffle_vector(lhs, rhs, _mask(tuple(lanes)))


@cache
def _mask(lanes: tuple[int, ...]) -> ir.Constant:
    """One object for each rearrangement: it keeps its text, which is long."""
    return ir.Constant(ir.VectorType(I32, len(lanes)), [I32(lane) for lane in lanes])


def _extract(stage: Stage, table: ir.Value, index: ir.Value) -> ir.Value:
    """Lane by lane: LLVM knows the pattern, and makes one permute of it where the CPU has it."""
    inside = stage.builder.and_(index, splat(index.type, table.type.count - 1))
    result: ir.Value = ir.Constant(ir.VectorType(table.type.element, index.type.count), ir.Undefined)
    for lane in range(index.type.count):
        number = stage.builder.extract_element(inside, I32(lane))
        result = stage.builder.insert_element(result, stage.builder.extract_element(table, number), I32(lane))
    return result


def emit_interleave(stage: Stage, op: loop.InterleaveOp) -> None:
    lhs, rhs = stage.value(op.lhs), stage.value(op.rhs)
    stage.values[op.low], stage.values[op.high] = interleaved(stage.builder, lhs, rhs)


def interleaved(b: ir.IRBuilder, lhs: ir.Value, rhs: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The lanes of both in turn, in two vectors."""
    lanes = lhs.type.count
    order = [side * lanes + lane for lane in range(lanes) for side in (0, 1)]
    return _rearranged(b, lhs, rhs, order[:lanes]), _rearranged(b, lhs, rhs, order[lanes:])


def emit_transpose_bits(stage: Stage, op: loop.TransposeBitsOp) -> None:
    found = _numbers(stage, [stage.value(word) for word in op.words])
    stage.values |= dict(zip(op.results_, found, strict=True))


def _numbers(stage: Stage, words: list[ir.Value]) -> list[ir.Value]:
    lanes = words[0].type.count
    if stage.level.has("gfni") and stage.level.has("avx512vbmi") and lanes % 8 == 0:
        found: list[ir.Value] = []
        for first in range(0, lanes, 8):
            found += _transpose_matrices(stage, [_part(stage, word, first, 8) for word in words])
        return found
    return _add_bits(stage, words)


def _transpose_matrices(stage: Stage, words: list[ir.Value]) -> list[ir.Value]:
    """8 bits of 512 numbers: first words to bytes of one register per lane, then matrices of 8 by 8 bits."""
    b, type_ = stage.builder, words[0].type
    # The matrix product has its rows the other way round.
    columns = [*words, *[ir.Constant(type_, None)] * (8 - len(words))][::-1]
    for _ in range(3):  # perfect shuffles: lane l of column c gets to lane c of column l
        columns = [half for at in range(4) for half in interleaved(b, columns[at], columns[at + 4])]
    bytes_ = ir.VectorType(I8, BYTE_ROWS)
    unit = ir.Constant(bytes_, [I8(1 << row) for _ in range(8) for row in range(8)])
    name = "llvm.x86.vgf2p8affineqb.512"
    function = stage.declare(name, ir.FunctionType(bytes_, [bytes_, bytes_, I8]))
    order = [8 * bit + group for group in range(8) for bit in range(8)]
    result: list[ir.Value] = []
    for column in columns:
        flat = b.bitcast(column, bytes_)
        result.append(b.call(function, [unit, _rearranged(stage.builder, flat, flat, order), I8(0)]))
    return result


def _add_bits(stage: Stage, words: list[ir.Value]) -> list[ir.Value]:
    """Bit by bit; words go by memory, which mask registers, and bytes for several lanes, are loaded fastest from."""
    b, lanes = stage.builder, words[0].type.count
    with b.goto_entry_block():
        memory = b.alloca(ir.ArrayType(I64, lanes * len(words)))
    memory.type, memory.align = POINTER, 64
    for bit, word in enumerate(words):
        b.store(word, b.gep(memory, [I64(bit * lanes)], inbounds=True, source_etype=I64), align=8)
    bytes_ = ir.VectorType(I8, BYTE_ROWS)
    add = _add_masked if stage.level.has("avx512bw") else _add_spread
    result: list[ir.Value] = []
    for lane in range(lanes):
        number: ir.Value = ir.Constant(bytes_, None)
        for bit in range(len(words)):
            place = b.gep(memory, [I64(bit * lanes + lane)], inbounds=True, source_etype=I64)
            number = add(stage, number, place, splat(bytes_, 1 << bit))
        result.append(number)
    return result


def _add_masked(stage: Stage, number: ir.Value, place: ir.Value, bit: ir.Value) -> ir.Value:
    """Set a bit of the numbers that a word in memory says, by a mask register."""
    b = stage.builder
    is_set = b.bitcast(b.load(place, align=8, typ=I64), ir.VectorType(I1, BYTE_ROWS))
    return b.select(is_set, b.or_(number, bit), number)


def _add_spread(stage: Stage, number: ir.Value, place: ir.Value, bit: ir.Value) -> ir.Value:
    """The same without mask registers: each byte of the word goes to its 8 lanes, which look at a bit each."""
    b = stage.builder
    word = b.load(place, align=8, typ=ir.VectorType(I8, 8))
    spread = _rearranged(stage.builder, word, word, [row // 8 for row in range(BYTE_ROWS)])
    own = ir.Constant(number.type, [I8(1 << row % 8) for row in range(BYTE_ROWS)])
    is_set = b.icmp_unsigned("!=", b.and_(spread, own), splat(number.type, 0))
    return b.or_(number, b.and_(b.sext(is_set, number.type), bit))


def emit_multiplex(stage: Stage, op: loop.MultiplexOp) -> None:
    """A call: one function for all stages and trees of a depth, since it is long."""
    b, nodes, slots = stage.builder, stage.place(op.nodes), stage.place(op.slots)
    levels, lanes, stride = op.levels.value.data, op.lanes.value.data, slots.strides[0] or I64(1)
    number = memory_type(nodes.element)
    name = f"multiplex.{levels}.{lanes}.{stride.constant}.{number}"
    function = stage.module.globals.get(name)
    if function is None:
        type_ = ir.FunctionType(ir.VoidType(), [POINTER] * 3)
        function = define_function(stage.module, name, type_, ("noinline", *stage.attributes))
        function.linkage = "internal"
        for argument in function.args:
            set.update(argument.attributes, ("captures(none)", "noalias"))
        entry = ir.IRBuilder(function.append_basic_block("entry"))
        _Multiplexer(replace(stage, function=function, builder=entry), number, lanes, stride).emit(levels)
    first, _ = address(stage, nodes, [op.first])
    word = b.gep(slots.base, [stage.value(op.word)], inbounds=True, source_etype=I64)
    place, _ = address(stage, stage.place(op.codes), [op.place])
    b.call(function, [first, word, place])


@dataclass(frozen=True)
class _Multiplexer:
    """The function ``(nodes, slots, codes)``. Straight code: the answers of a node's sides, then its own, so that few are
    held at once."""

    stage: Stage
    number: ir.Type
    lanes: int
    stride: ir.Value

    def emit(self, levels: int) -> None:
        b, codes = self.stage.builder, self.stage.function.args[2]
        for lane, found in enumerate(_numbers(self.stage, self._answers(0, levels - 1)[::-1])):
            b.store(found, b.gep(codes, [I64(lane * BYTE_ROWS)], inbounds=True, source_etype=I8), align=1)
        b.ret_void()

    def _answers(self, node: int, below: int) -> list[ir.Value]:
        if below == 0:
            return [self._answer(node)]
        b, true, false = (
            self.stage.builder,
            self._answers(node + 1, below - 1),
            self._answers(node + (1 << below), below - 1),
        )
        own = self._answer(node)
        other = b.xor(own, splat(own.type, -1))
        return [own, *(b.or_(b.and_(own, t), b.and_(other, f)) for t, f in zip(true, false, strict=True))]

    def _answer(self, node: int) -> ir.Value:
        b, (nodes, slots, _) = self.stage.builder, self.stage.function.args
        place = b.gep(nodes, [I64(node)], inbounds=True, source_etype=self.number)
        at = b.mul(b.zext(b.load(place, align=1, typ=self.number), I64), self.stride, flags=["nsw"])
        return b.load(b.gep(slots, [at], inbounds=True, source_etype=I64), align=8, typ=ir.VectorType(I64, self.lanes))
