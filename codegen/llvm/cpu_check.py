# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of ``cpu_check``: does the CPU, and its operating system, have the level that the stages were built for?

Runs on any CPU of the machine: it only uses CPUID, and XGETBV once CPUID says that the system has switched it on.
"""

from __future__ import annotations

from llvmlite import ir

from treec.codegen.abi import Status
from treec.codegen.cpu_levels import LEVELS, CpuLevel
from treec.codegen.llvm.target import BASELINES, ResolvedTarget
from treec.codegen.llvm.types import I32, POINTER, define_function

_REGISTERS = {"eax": 0, "ebx": 1, "ecx": 2, "edx": 3}
_EXTENDED = 0x80000000
_OSXSAVE = 1 << 27

# As in compilers' <cpuid.h>: RBX is saved by hand, since it may be a base pointer.
_CPUID = r"xchgq %rbx, ${1:q}\0Acpuid\0Axchgq %rbx, ${1:q}"
_CPUID_CONSTRAINTS = "={ax},=&r,={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}"
_XGETBV_CONSTRAINTS = "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}"

CHECK_TYPE = ir.FunctionType(I32, [])
_UNKNOWN = -1

Check = tuple[int, int, str, int]
"""CPUID leaf, subleaf, register, and the bits that must be set in it."""


def emit_cpu_check(module: ir.Module, target: ResolvedTarget) -> ir.Function:
    """``int32_t cpu_check(void)``, `Status.OK` or `Status.WRONG_CPU`."""
    function = define_function(module, "cpu_check", CHECK_TYPE, ("cold", "noinline", *target.entry_attributes))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    if needs_check(target):
        wrong = function.append_basic_block("wrong")
        _emit_x86_64(builder, target.level, wrong)
        ir.IRBuilder(wrong).ret(I32(Status.WRONG_CPU))
    builder.ret(I32(Status.OK))
    return function


def needs_check(target: ResolvedTarget) -> bool:
    """Whether a CPU of the machine may lack the level."""
    return target.level.machine == "x86_64" and target.level is not LEVELS[BASELINES["x86_64"]]


def emit_cached_check(module: ir.Module, target: ResolvedTarget, check: ir.Function) -> ir.GlobalVariable:
    """The status found when the object was loaded, or `_UNKNOWN` where no constructors run.

    CPUID leaves a virtual machine, which takes several microseconds: too long to do on every call. The loader calls the
    constructor before anyone can call an entry point, so those still write nothing.
    """
    status = ir.GlobalVariable(module, I32, "cpu_status")
    status.type, status.linkage, status.initializer = POINTER, "internal", I32(_UNKNOWN)
    constructor = define_function(module, "cpu_init", ir.FunctionType(ir.VoidType(), []), target.entry_attributes)
    constructor.linkage = "internal"
    builder = ir.IRBuilder(constructor.append_basic_block("entry"))
    builder.store(builder.call(check, []), status)
    builder.ret_void()
    entry_type = ir.LiteralStructType([I32, POINTER, POINTER])
    entries = ir.Constant(ir.ArrayType(entry_type, 1), [entry_type([I32(65535), constructor, ir.Constant(POINTER, None)])])
    constructors = ir.GlobalVariable(module, entries.type, "llvm.global_ctors")
    constructors.linkage, constructors.initializer = "appending", entries
    return status


def emit_status(builder: ir.IRBuilder, status: ir.GlobalVariable, check: ir.Function) -> ir.Value:
    """The cached status, or a fresh one."""
    before, fresh, known = builder.block, *(builder.function.append_basic_block(n) for n in ("check_cpu", "checked"))
    cached = builder.load(status, typ=I32)
    builder.cbranch(builder.icmp_signed("==", cached, I32(_UNKNOWN)), fresh, known)
    builder.position_at_end(fresh)
    checked = builder.call(check, [])
    builder.branch(known)
    builder.position_at_end(known)
    result = builder.phi(I32)
    result.add_incoming(cached, before)
    result.add_incoming(checked, fresh)
    return result


def cpuid_checks(level: CpuLevel) -> list[Check]:
    """The registers to look at, each leaf once; leaf 1 first, which says whether XGETBV may be used."""
    masks: dict[tuple[int, int, str], int] = {}
    for feature in level.features:
        if feature.cpuid is not None:
            leaf, subleaf, register, bit = feature.cpuid
            masks[leaf, subleaf, register] = masks.get((leaf, subleaf, register), 0) | 1 << bit
    if level.xcr0:
        masks[1, 0, "ecx"] = masks.get((1, 0, "ecx"), 0) | _OSXSAVE
    return [(*place, mask) for place, mask in sorted(masks.items())]


def _emit_x86_64(builder: ir.IRBuilder, level: CpuLevel, wrong: ir.Block) -> None:
    checks = cpuid_checks(level)
    highest: dict[int, int] = {}
    for leaf, *_ in checks:
        base = leaf & _EXTENDED
        highest[base] = max(highest.get(base, 0), leaf)
    for base, leaf in highest.items():
        enough = builder.icmp_unsigned(">=", _cpuid(builder, base, 0)[0], I32(leaf))
        _continue_if(builder, enough, wrong)
    values: dict[tuple[int, int], list[ir.Value]] = {}
    for leaf, subleaf, register, mask in checks:
        if (leaf, subleaf) not in values:
            values[leaf, subleaf] = _cpuid(builder, leaf, subleaf)
        _continue_if_bits(builder, values[leaf, subleaf][_REGISTERS[register]], mask, wrong)
    if level.xcr0:
        type_ = ir.FunctionType(ir.LiteralStructType([I32, I32]), [I32])
        state = builder.asm(type_, "xgetbv", _XGETBV_CONSTRAINTS, [I32(0)], True)
        _continue_if_bits(builder, builder.extract_value(state, 0), level.xcr0, wrong)


def _cpuid(builder: ir.IRBuilder, leaf: int, subleaf: int) -> list[ir.Value]:
    type_ = ir.FunctionType(ir.LiteralStructType([I32] * 4), [I32, I32])
    registers = builder.asm(type_, _CPUID, _CPUID_CONSTRAINTS, [I32(leaf), I32(subleaf)], True)
    return [builder.extract_value(registers, position) for position in range(4)]


def _continue_if_bits(builder: ir.IRBuilder, value: ir.Value, mask: int, wrong: ir.Block) -> None:
    _continue_if(builder, builder.icmp_unsigned("==", builder.and_(value, I32(mask)), I32(mask)), wrong)


def _continue_if(builder: ir.IRBuilder, condition: ir.Value, wrong: ir.Block) -> None:
    following = builder.function.append_basic_block("next")
    builder.cbranch(condition, following, wrong)
    builder.position_at_end(following)
