# pyright: basic
"""Machine code of GPU kernels, as nvdisasm shows it: its loops, and what a step of a walk takes in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from treec.codegen.tir.nvcc import Cubin
from treec.errors import UsageError
from treec.schedule.directives import Walk

_LABEL = re.compile(r"^(\.L_x_\d+):")
_LINE = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d+\s+)?([A-Z][A-Z0-9_.]*)([^;]*);")
_TARGET = re.compile(r"\(\.(L_x_\d+)\)")
_NODE = re.compile(r"LDG\.E\.(?:64|128)|LDG\.E\.\w*\.?(?:64|128)")


@dataclass(frozen=True)
class Loop:
    """An innermost loop: instructions, and loads of nodes. ``value_loads``: other loads of memory in a loop that reads
    shared memory, too: one of a row's value for each step of a walk whose nodes are there. ``around``: instructions of the
    next loop around it, those of loops inside of that left out."""

    instructions: int
    node_loads: int
    value_loads: int = 0
    around: int = 0


def innermost_loops(sass: str) -> list[Loop]:
    """The loops of a kernel's machine code that have no other loop inside."""
    ops: list[tuple[str, str]] = []
    labels: dict[str, int] = {}
    spans: list[tuple[int, int]] = []
    for line in sass.splitlines():
        if (label := _LABEL.match(line)) is not None:
            labels[label.group(1)[1:]] = len(ops)
        if (found := _LINE.search(line)) is None:
            continue
        ops.append((found.group(1), found.group(2)))
        target = _TARGET.search(found.group(2))
        if found.group(1).startswith("BRA") and target and labels.get(target.group(1), len(ops)) < len(ops):
            spans.append((labels[target.group(1)], len(ops)))
    inner = [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]
    return [_loop_of([op for op, _ in ops[first:end]], _around((first, end), spans)) for first, end in inner]


def _around(span: tuple[int, int], spans: list[tuple[int, int]]) -> int:
    """Instructions of the smallest loop around one, without those of loops inside."""
    outer = [o for o in spans if o != span and o[0] <= span[0] and span[1] <= o[1]]
    if not outer:
        return 0
    first, end = min(outer, key=lambda o: o[1] - o[0])
    inside = {at for o in spans if o != (first, end) and first <= o[0] and o[1] <= end for at in range(*o)}
    return end - first - len(inside)


def _loop_of(ops: list[str], around: int) -> Loop:
    nodes = sum(bool(_NODE.match(op)) for op in ops)
    values = sum(op.startswith("LDG") for op in ops) - nodes if any(op.startswith("LDS") for op in ops) else 0
    return Loop(len(ops), nodes, values, around)


def walk_loops(sass: str) -> list[Loop]:
    """The innermost loops that load nodes, in the order of the code."""
    loops = [loop for loop in innermost_loops(sass) if loop.node_loads]
    if not loops:
        raise UsageError("no loop of the kernel loads records of 8 or 16 bytes", fix="use `layout packed align=8`")
    return loops


@dataclass(frozen=True)
class Cost:
    """Instructions of one step of one row, and of a row for a tree beside the steps that are counted so."""

    step: float
    tree: float


def walk_cost(sass: str, walk: Walk, deepest: int) -> Cost:
    """In the loop with the most loads of nodes, that of interleaved walks, and in the loop around it. Of a gemm in the
    first, where rows share each node, before that of rows left over. Of straight code in the longest, that over trees."""
    axis, _, number = walk.interleave.partition(":")
    together = int(number) if number else 1
    if walk.strategy == "gemm":
        loop = walk_loops(sass)[0]
        return Cost(loop.instructions / (loop.node_loads * together), loop.around / together)
    if walk.unroll == "full":
        longest = max(loop.instructions for loop in innermost_loops(sass))
        return Cost(longest / (max(deepest, 1) * (together if axis == "tree" else 1)), 0.0)
    loop = max(walk_loops(sass), key=lambda loop: loop.node_loads)
    return Cost(loop.instructions / loop.node_loads, loop.around / together)


def shared_step(sass: str) -> float:
    """Instructions of a step of a walk whose nodes are in shared memory, and whose rows are not."""
    loops = [loop for loop in innermost_loops(sass) if loop.value_loads and not loop.node_loads]
    if not loops:
        raise UsageError(
            "no loop of the kernel reads nodes in shared memory and rows in memory", fix="leave `cache rows` out"
        )
    loop = max(loops, key=lambda loop: loop.value_loads)
    return loop.instructions / loop.value_loads


def nvdisasm_path() -> str:
    """On the path, in ``CUDA_HOME``, or of the package."""
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    packaged = sorted(Path(sysconfig.get_path("purelib"), "nvidia").glob("*/bin/nvdisasm"))
    found = shutil.which("nvdisasm") or shutil.which("nvdisasm", path=os.path.join(home, "bin"))
    if found or packaged:
        return found or str(packaged[-1])
    raise UsageError("there is no nvdisasm", fix="pip install nvidia-cuda-nvdisasm, or set CUDA_HOME")


def sass_of(cubin: Cubin) -> dict[str, str]:
    """Machine code as text, by kernel."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.cubin")
        path.write_bytes(cubin.data)
        done = subprocess.run([nvdisasm_path(), "-c", str(path)], capture_output=True, text=True, check=True)
    parts = re.split(r"^//-+ \.text\.(\w+) +-+$", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
