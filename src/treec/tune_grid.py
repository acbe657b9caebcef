"""The schedules that `treec tune` measures for a GPU: treec's choice, the presets, and a grid like SilvanForge's.

SilvanForge's search (`GPUAutoTuner`) takes the number of threads that share a row's trees, and of rows of a block, from the
batch and the number of features; for each it tries walks of one tree, and of two and four together. So does this one, with
exact sums and nodes in pairs; trees that are nearly full are also tried as complete ones. What that search never tries: a
thread for each row, where calls have many, with rows copied by column; and nodes in shared memory, in blocks that are
smaller than those of Tahoe's preset, for batches that are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from treec.default.gpu import default_gpu_schedule
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.schedule.gpus import GPUS
from treec.schedule.library import preset, preset_names
from treec.schedule.schedule import Schedule

MOST = 40
SMALL_BATCH, FEW_FEATURES, CACHED_FEATURES = 2048, 100, 1500
"""SilvanForge's bounds: of small batches, of narrow rows, and of rows that are copied to shared memory."""
TOGETHER = (1, 2, 4)
NEARLY_FULL = 2
"""Complete trees are tried where they have at most so many times the leaves."""
BLOCKS, OF_BLOCKS = (64, 128, 256), (2, 4)
"""Threads of a block with a row each, and trees that they walk together."""
SHARED_ROWS, SHARED_THREADS = 1024, 512
"""Of blocks that copy all nodes."""
LAYOUTS = {"pairs": "layout pairs align=8", "reorg": "layout reorg"}


@dataclass(frozen=True)
class Candidate:
    name: str
    schedule: Schedule


def gpu_candidates(forest: Forest, arch: str, dtype: str, batch: int, most: int = MOST) -> list[Candidate]:
    """At most ``most``, for rows of ``dtype`` (f32, f64) in calls of ``batch``; some may not apply to the forest."""
    found = [("treec's choice", default_gpu_schedule(forest, arch).schedule)]
    found += [(name, preset(name)) for name in preset_names() if preset(name).gpu is not None]
    few = batch <= SMALL_BATCH
    found += [] if few else _own_rows(forest.inputs.n_features)
    found += [*_grid(forest, batch, GPUS[arch].threads), *_shared_nodes()]
    single: dict[str, Candidate] = {}
    for name, schedule in found:
        aimed = schedule.with_target(arch=arch, input=dtype)
        single.setdefault(aimed.to_text(), Candidate(name, aimed))  # a preset may be one of the grid
    return list(single.values())[:most]


def _nearly_full(forest: Forest) -> bool:
    """Are the trees nearly complete ones of the deepest one's depth?"""
    if not isinstance(forest.trees, Trees):
        return False
    deepest = int(leaf_depths(forest.trees)[1].max(initial=0))
    return forest.trees.n_trees << deepest <= NEARLY_FULL * forest.trees.n_leaves


def _own_rows(n_features: int) -> list[tuple[str, Schedule]]:
    """A row for each thread."""
    found: list[tuple[str, Schedule]] = []
    for n_rows, together in product(BLOCKS, OF_BLOCKS):
        lines = [
            "target gpu",
            f"split row into=(block, thread) by={n_rows}",
            "bind block grid.x",
            "bind thread block.x",
            LAYOUTS["pairs"],
            *(["cache rows at=block layout=column in=shared"] if n_features <= CACHED_FEATURES else []),
            f"walk with=scalar interleave=tree:{together} peel=2",
        ]
        name = f"pairs, {n_rows} rows, {together} together"
        found.append((name, Schedule.from_text("\n".join(lines), name)))
    return found


def _grid(forest: Forest, batch: int, threads_most: int) -> list[tuple[str, Schedule]]:
    n_features = forest.inputs.n_features
    wide = batch <= SMALL_BATCH or n_features > FEW_FEATURES
    lanes, rows = ((20, 50), (8, 32)) if wide else ((2, 10), (32, 64))
    found: list[tuple[str, Schedule]] = []
    for layout, n_lanes, n_rows, together in product(LAYOUTS, lanes, rows, TOGETHER):
        if n_lanes * n_rows > threads_most:
            continue
        if layout == "reorg" and (not _nearly_full(forest) or together != TOGETHER[-1]):
            continue
        lines = [
            "target gpu",
            f"split row into=(block, thread) by={n_rows}",
            f"split tree into=(round, lane) by={n_lanes}",
            "order block, thread, round, lane",
            "bind block grid.x",
            "bind thread block.x",
            "bind lane block.y",
            "reduce lane in=shared",
            LAYOUTS[layout],
            *(["cache rows at=block in=shared"] if n_features <= CACHED_FEATURES else []),
            "walk with=scalar" + (f" interleave=tree:{together}" if together > 1 else ""),
        ]
        name = f"{layout}, {n_rows} rows x {n_lanes} threads, {together} together"
        found.append((name, Schedule.from_text("\n".join(lines), name)))
    return found


def _shared_nodes() -> list[tuple[str, Schedule]]:
    found: list[tuple[str, Schedule]] = []
    for together in (1, 4):
        lines = [
            "target gpu",
            f"split row into=(block, chunk) by={SHARED_ROWS}",
            f"split chunk into=(part, thread) by={SHARED_THREADS}",
            "bind block grid.x",
            "bind thread block.x",
            "layout packed align=8",
            "cache nodes at=block in=shared",
            "walk with=scalar" + (f" interleave=tree:{together}" if together > 1 else ""),
        ]
        name = f"shared nodes, {SHARED_ROWS} rows, {together} together"
        found.append((name, Schedule.from_text("\n".join(lines), name)))
    return found
