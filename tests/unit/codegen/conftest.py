"""Running loop modules as machine code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser

from treec.codegen.abi import PREDICT_PARAMETERS, STAGE_PARAMETERS, ArtifactStruct, DType, Parameter, StageStruct
from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module
from treec.codegen.llvm.jit import LoadedObject, load_object
from treec.treeir.blob import BlobAttr
from treec.treeir.loop import Loop

CTYPES = {"int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64}


def prototype(parameters: tuple[Parameter, ...]) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int32, *(CTYPES.get(p.ctype, ctypes.c_void_p) for p in parameters))


class Artifact:
    """A compiled module in this process."""

    def __init__(self, loaded: LoadedObject) -> None:
        self.loaded = loaded
        describe = ctypes.CFUNCTYPE(ctypes.POINTER(ArtifactStruct))(loaded.describe_address)
        self.struct: ArtifactStruct = describe().contents
        self.predict: Callable[..., int] = prototype(PREDICT_PARAMETERS)(loaded.predict_address)

    def stage(self, kernel: int = 0, stage: int = 0) -> StageStruct:
        return self.struct.kernels[kernel].stages[stage]

    def run_stage(
        self,
        rows: NDArray[Any],
        out: NDArray[Any],
        *,
        row_range: tuple[int, int] | None = None,
        tree_range: tuple[int, int] = (0, 1),
        workspace: int | None = None,
    ) -> int:
        """Run the first stage; a workspace is made unless its address is given."""
        stage = self.stage()
        space = np.full(stage.workspace_bytes + 64, 0xA5, np.uint8)
        if workspace is None:
            workspace = -(-space.ctypes.data // 64) * 64
        strides = [stride // rows.itemsize for stride in rows.strides], [s // out.itemsize for s in out.strides]
        bounds = (row_range or (0, len(rows)), tree_range)
        run = prototype(STAGE_PARAMETERS)(stage.run)
        arrays = (rows.ctypes.data, *strides[0], out.ctypes.data, *strides[1])
        return run(*arrays, *bounds[0], *bounds[1], 0, stage.n_groups, workspace, None, 0)


def parse(text: str) -> ModuleOp:
    context = Context()
    for dialect in (Builtin, Loop):
        context.load_dialect(dialect)
    context.load_attr_or_type(BlobAttr)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


@pytest.fixture(scope="session")
def parse_loop() -> Callable[[str], ModuleOp]:
    """Text of a loop module to a verified module."""
    return parse


@pytest.fixture(scope="session")
def build() -> Callable[..., Artifact]:
    """Compile a module, or its text, for this host and load it."""

    def compiled(
        module: ModuleOp | str, *, level: str = "native", n_trees: int = 1, n_columns: int = 1, **facts: Any
    ) -> Artifact:
        module = parse(module) if isinstance(module, str) else module
        wanted: dict[str, Any] = {"n_features": 1, "out_dtype": DType.F32, "card_capacity": 64} | facts
        built = compile_module(module, ArtifactFacts(n_trees=n_trees, n_columns=n_columns, **wanted), TargetSpec(level))
        return Artifact(load_object(built.object_bytes))

    return compiled
