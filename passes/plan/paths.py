"""The path matrix of ``walk with=gemm``."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError
from treec.passes.algo.packed import narrow
from treec.passes.algo.path_matrix import path_matrix
from treec.passes.plan.rewrite import add_shared
from treec.treeir.blob import BlobAttr
from treec.treeir.paths import PathMatrixOp
from treec.treeir.plan import PackedTreesOp, WalkOp
from treec.treeir.plan_trees import decode


def add_path_matrix(module: ModuleOp, walk: WalkOp) -> SymbolRefAttr:
    """Add ``plan.path_matrix`` of the walk's trees; raises `ScheduleError` for trees that have none."""
    packed = None if walk.trees is None else SymbolTable.lookup_symbol(module, walk.trees)
    if not isinstance(packed, PackedTreesOp):
        raise ScheduleError("a gemm walk asks the predicates of packed nodes", fix="write `layout packed`")
    base, step = packed.node_base.array.astype(np.int64), decode(packed.nodes, packed.fields)["step"]
    try:
        matrix = path_matrix(base, step)
    except ValueError as error:
        raise ScheduleError(str(error), fix="write with=scalar, which takes trees of any size") from None
    leaf_id = packed.leaf_id
    if leaf_id is None:  # the position in a full preorder: left of a leaf are as many nodes as leaves and left turns
        number = np.arange(len(matrix.lefts)) - np.repeat(base[:-1] + np.arange(len(base) - 1), np.diff(base) + 1)
        leaf_id = BlobAttr.of(narrow(2 * number + matrix.lefts))
    properties = {
        "trees": SymbolRefAttr(packed.sym_name.data),
        "path": BlobAttr.of(matrix.path),
        "start": BlobAttr.of(matrix.start),
        "leaf_id": leaf_id,
    }
    return add_shared(module, PathMatrixOp.create(properties=properties), "paths")
