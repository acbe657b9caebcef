# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""An object file loaded into this process, without a linker."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

from treec.codegen.abi import DESCRIBE_SYMBOL, PREDICT_SYMBOL
from treec.codegen.llvm.scalars import C_FUNCTIONS
from treec.errors import ArtifactError, CodegenError

ELF_MACHINES = {62: "x86_64", 183: "aarch64"}


class LoadedObject:
    """Machine code in this process's memory, freed with this object; keep it alive while its addresses are in use.

    ``describe_address``, ``predict_address``: of the functions of the ABI.
    """

    def __init__(self, object_bytes: bytes) -> None:
        """Load; raises `ArtifactError` for another machine's object and `CodegenError` for one with unknown symbols."""
        from llvmlite import binding

        _check_machine(object_bytes)
        builder = binding.JITLibraryBuilder().add_object_img(object_bytes).add_current_process()
        for name, address in _math_functions().items():
            builder.import_symbol(name, address)
        for name in (DESCRIBE_SYMBOL, PREDICT_SYMBOL):
            builder.export_symbol(name)
        try:
            self._engine = binding.create_lljit_compiler(_machine(), use_jit_link=True)
            self._tracker = builder.link(self._engine, "treec")
        except RuntimeError as error:
            raise CodegenError(f"LLVM can't load the object: {error}") from error
        self.describe_address: int = self._tracker[DESCRIBE_SYMBOL]
        self.predict_address: int = self._tracker[PREDICT_SYMBOL]


def load_object(object_bytes: bytes) -> LoadedObject:
    """Load an object of `compile_module` into this process. Thread-safe. Check its ``cpu_check`` before running a stage."""
    return LoadedObject(object_bytes)


def _check_machine(object_bytes: bytes) -> None:
    host = os.uname().machine
    machine = ELF_MACHINES.get(int.from_bytes(object_bytes[18:20], "little"), "unknown")
    if machine != host:
        raise ArtifactError(
            f"code for {machine} can't run on {host}", fix="load it there, or compile for a level of this machine"
        )


def _machine() -> Any:
    from llvmlite import binding

    from treec.codegen.llvm.target import initialise

    initialise()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(opt=3, reloc="pic", codemodel="small", jit=True)


@cache
def _math_functions() -> dict[str, int]:
    """Addresses of the C library's functions, as this process itself would call them."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "expf"):
        library = ctypes.CDLL("libm.so.6")
    names = [name + suffix for name in C_FUNCTIONS.values() for suffix in ("f", "")]
    return {name: ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names}
