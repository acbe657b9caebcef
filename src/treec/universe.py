"""treec as a plug-in of xDSL: its dialects, passes and target by name, for ``tree-opt`` and ``xdsl-opt`` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.universe import Universe

from treec.passes.registry import get_all_passes

if TYPE_CHECKING:
    from xdsl.ir import Dialect
    from xdsl.utils.target import Target


def _forest() -> Dialect:
    from treec.treeir.forest import Forest

    return Forest


def _plan() -> Dialect:
    from treec.treeir.plan import Plan

    return Plan


def _loop() -> Dialect:
    from treec.treeir.loop import Loop

    return Loop


def _llvm() -> type[Target]:
    from treec.codegen.llvm.xdsl_target import TreecLLVMTarget

    return TreecLLVMTarget


def _tir() -> type[Target]:
    from treec.codegen.tir.xdsl_target import TreecTirTarget

    return TreecTirTarget


TREEC_UNIVERSE = Universe(
    all_dialects={"forest": _forest, "plan": _plan, "loop": _loop},
    all_passes=get_all_passes(),
    all_targets={"treec-llvm": _llvm, "treec-tir": _tir},
)
