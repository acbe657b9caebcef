"""The loop dialect: typed loops over typed buffers, the last level before machine code, for CPU and GPU alike.

Scalars are builtin ``i1, i8, i16, i32, i64, f32, f64`` (signless); element-wise ops also take 1-D vectors of them. Memory
is reached through buffers only: strided arguments, constant tables of plain values or records, and workspace. Structured
control flow only. A ``loop.func`` is one stage of the C ABI (`treec.codegen.abi`), a ``loop.kernel`` one of its kernels, a
``loop.routine`` what stages have in common.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from treec.treeir.loop_bits import MaskBitsOp, PopcountOp, ReverseBitsOp
from treec.treeir.loop_columns import LoadColumnsOp
from treec.treeir.loop_control import BarrierOp, ForOp, IfOp, RepeatOp, RepeatWhileOp, YieldOp
from treec.treeir.loop_decide import DecideOp
from treec.treeir.loop_hints import OpaqueOp, PrefetchOp
from treec.treeir.loop_lanes import AtomicAddOp, ReadLaneOp
from treec.treeir.loop_memory import AllocOp, GetTableOp, LoadOp, StoreOp, TableOp
from treec.treeir.loop_routine import CallOp, RoutineOp
from treec.treeir.loop_scalars import BinaryOp, CastOp, CompareOp, ConstantOp, FmaOp, MathOp, SelectOp
from treec.treeir.loop_shuffle import InterleaveOp, MultiplexOp, ShuffleOp, TransposeBitsOp
from treec.treeir.loop_stage import FuncOp, KernelOp, ReturnOp
from treec.treeir.loop_types import (
    BinaryKindAttr,
    BufferType,
    CastKindAttr,
    CompareKindAttr,
    LoopKindAttr,
    MathKindAttr,
    RecordType,
    ScopeAttr,
)
from treec.treeir.loop_vectors import AnyLaneOp, GatherOp, LaneNumbersOp, ScatterOp, SplatOp

__all__ = [
    "AllocOp",
    "AnyLaneOp",
    "AtomicAddOp",
    "BarrierOp",
    "BinaryOp",
    "CallOp",
    "CastOp",
    "CompareOp",
    "ConstantOp",
    "DecideOp",
    "FmaOp",
    "ForOp",
    "FuncOp",
    "GatherOp",
    "GetTableOp",
    "IfOp",
    "InterleaveOp",
    "KernelOp",
    "LaneNumbersOp",
    "LoadColumnsOp",
    "LoadOp",
    "Loop",
    "MaskBitsOp",
    "MathOp",
    "MultiplexOp",
    "OpaqueOp",
    "PopcountOp",
    "PrefetchOp",
    "ReadLaneOp",
    "RepeatOp",
    "RepeatWhileOp",
    "ReturnOp",
    "ReverseBitsOp",
    "RoutineOp",
    "ScatterOp",
    "SelectOp",
    "ShuffleOp",
    "SplatOp",
    "StoreOp",
    "TableOp",
    "TransposeBitsOp",
    "YieldOp",
]

Loop = Dialect(
    "loop",
    [
        AllocOp,
        AnyLaneOp,
        AtomicAddOp,
        BarrierOp,
        BinaryOp,
        CallOp,
        CastOp,
        CompareOp,
        ConstantOp,
        DecideOp,
        FmaOp,
        ForOp,
        FuncOp,
        GatherOp,
        GetTableOp,
        IfOp,
        InterleaveOp,
        KernelOp,
        LaneNumbersOp,
        LoadColumnsOp,
        LoadOp,
        MaskBitsOp,
        MathOp,
        MultiplexOp,
        OpaqueOp,
        PopcountOp,
        PrefetchOp,
        ReadLaneOp,
        RepeatOp,
        RepeatWhileOp,
        ReturnOp,
        ReverseBitsOp,
        RoutineOp,
        ScatterOp,
        SelectOp,
        ShuffleOp,
        SplatOp,
        StoreOp,
        TableOp,
        TransposeBitsOp,
        YieldOp,
    ],
    [
        BinaryKindAttr,
        BufferType,
        CastKindAttr,
        CompareKindAttr,
        LoopKindAttr,
        MathKindAttr,
        RecordType,
        ScopeAttr,
    ],
)
