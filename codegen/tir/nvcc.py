"""From CUDA source to a cubin, by NVIDIA's compiler; it needs no GPU."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from treec.codegen.gpu_abi import GpuObject
from treec.errors import CodegenError, UsageError

_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True)
class KernelUse:
    """What ptxas says of a kernel: registers of a thread, bytes that it spills, bytes of its stack, shared bytes."""

    symbol: str
    registers: int
    spill_bytes: int
    stack_bytes: int
    shared_bytes: int


@dataclass(frozen=True)
class Cubin:
    """Machine code of one architecture for all kernels of an object."""

    arch: str
    data: bytes = field(repr=False)
    uses: tuple[KernelUse, ...]


def nvcc_path() -> str | None:
    """NVIDIA's compiler, if it is installed: on the path, or in ``CUDA_HOME``."""
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    return shutil.which("nvcc") or shutil.which("nvcc", path=os.path.join(home, "bin"))


def build_cubin(made: GpuObject, arch: str | None = None) -> Cubin:
    """Compile an object for CUDA, for its architecture or another. Raises `UsageError` where there is no nvcc,
    `CodegenError` with its words if it fails."""
    nvcc, arch = nvcc_path(), arch or made.target.arch
    if made.target.kind != "cuda" or arch is None:
        raise CodegenError(f"a cubin is made of CUDA, not of {made.target.kind}")
    if nvcc is None:
        raise UsageError("there is no nvcc", fix="install the CUDA toolkit, or set CUDA_HOME")
    with tempfile.TemporaryDirectory() as folder:
        source, cubin = Path(folder, "kernels.cu"), Path(folder, "kernels.cubin")
        source.write_text(made.source)
        command = [nvcc, "-cubin", f"-arch={arch}", "-Xptxas", "-v", *made.options, "-o", str(cubin), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CodegenError(f"nvcc refuses the kernels: {done.stderr.strip()[:2000]}")
        return Cubin(arch, cubin.read_bytes(), tuple(_uses(done.stderr)))


def _uses(text: str) -> list[KernelUse]:
    found: list[KernelUse] = []
    for part in re.split(r"(?=Compiling entry function)", text):
        entry, registers = _ENTRY.search(part), _REGISTERS.search(part)
        if entry is None or registers is None:
            continue
        spills, shared = _SPILLS.search(part), _SHARED.search(part)
        stack, stores, loads = (int(n) for n in spills.groups()) if spills else (0, 0, 0)
        n_shared = int(shared.group(1)) if shared else 0
        found.append(KernelUse(entry.group(1), int(registers.group(1)), stores + loads, stack, n_shared))
    return found
