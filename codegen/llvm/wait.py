# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""The artifact's ``wait``: it watches a word, for threads whose turn comes sooner than the system would wake them.

See `treec.codegen.abi.WAIT_PARAMETERS`.
"""

from __future__ import annotations

from llvmlite import ir

from treec.codegen.llvm.target import ResolvedTarget
from treec.codegen.llvm.types import I32, I64, POINTER, define_function

_PAUSES = {"x86_64": ("llvm.x86.sse2.pause", []), "aarch64": ("llvm.aarch64.hint", [I32(1)])}
"""An intrinsic and its arguments, by machine; the second is YIELD."""


def emit_wait(module: ir.Module, target: ResolvedTarget) -> ir.Function:
    """``int32_t wait(const int64_t *word, int64_t old, int64_t pauses, int64_t more)``."""
    type_ = ir.FunctionType(I32, [POINTER, I64, I64, I64])
    function = define_function(module, "wait", type_, target.entry_attributes)
    function.linkage = "internal"
    word, old, pauses, more = function.args
    entry = ir.IRBuilder(function.append_basic_block("entry"))
    look, still, same = (function.append_basic_block(name) for name in ("look", "still", "same"))
    entry.branch(look)

    builder = ir.IRBuilder(look)
    left = builder.phi(I64, "left")
    left.add_incoming(pauses, entry.block)
    now = builder.load_atomic(word, "acquire", 8, typ=I64)
    changed = function.append_basic_block("changed")
    builder.cbranch(builder.icmp_signed("!=", now, old), changed, still)

    builder = ir.IRBuilder(still)
    again = function.append_basic_block("again")
    builder.cbranch(builder.icmp_signed(">", left, I64(0)), again, same)
    builder = ir.IRBuilder(again)
    _pause(builder, module, target)
    left.add_incoming(builder.sub(left, I64(1)), again)
    builder.branch(look)
    ir.IRBuilder(same).ret(I32(0))

    _some_more(function, changed, more, module, target)
    return function


def _some_more(function: ir.Function, block: ir.Block, more: ir.Value, module: ir.Module, target: ResolvedTarget) -> None:
    """Pauses before the return."""
    head, body, done = (function.append_basic_block(f"more_{name}") for name in ("head", "body", "done"))
    ir.IRBuilder(block).branch(head)
    builder = ir.IRBuilder(head)
    left = builder.phi(I64, "left")
    left.add_incoming(more, block)
    builder.cbranch(builder.icmp_signed(">", left, I64(0)), body, done)
    builder = ir.IRBuilder(body)
    _pause(builder, module, target)
    left.add_incoming(builder.sub(left, I64(1)), body)
    builder.branch(head)
    ir.IRBuilder(done).ret(I32(1))


def _pause(builder: ir.IRBuilder, module: ir.Module, target: ResolvedTarget) -> None:
    """What tells a core that it only waits."""
    name, arguments = _PAUSES[target.level.machine]
    known = module.globals.get(name)
    pause = known or ir.Function(module, ir.FunctionType(ir.VoidType(), [a.type for a in arguments]), name)
    builder.call(pause, arguments)
