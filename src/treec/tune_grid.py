"""The schedules that `treec tune` measures for a GPU: treec's choice, the presets, and a grid like SilvanForge's.

SilvanForge's search (`GPUAutoTuner`) takes the number of threads that share a row's trees, and of rows of a block, from the
batch and the number of features; for each it tries walks of one tree, and of two and four together, in several layouts. So
does this one. Its sums are exact, as all of treec's; its layouts are those that treec has for GPUs. What that search never
tries are nodes in shared memory: here, in blocks that are smaller than those of Tahoe's preset, for batches that are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from treec.default_gpu import default_gpu_schedule
from treec.frontends.base import Forest
from treec.schedule.gpus import GPUS
from treec.schedule.library import preset, preset_names
from treec.schedule.schedule import Schedule

MOST = 40
SMALL_BATCH, FEW_FEATURES, CACHED_FEATURES = 2048, 100, 1500
"""SilvanForge's bounds: of small batches, of narrow rows, and of rows that are copied to shared memory."""
TOGETHER = (1, 2, 4)
SHARED_ROWS, SHARED_THREADS = 1024, 512
"""Of blocks that copy all nodes."""
LAYOUTS = {"packed": "layout packed align=8", "reorg": "layout reorg"}


@dataclass(frozen=True)
class Candidate:
    name: str
    schedule: Schedule


def gpu_candidates(forest: Forest, arch: str, dtype: str, batch: int, most: int = MOST) -> list[Candidate]:
    """At most ``most``, for rows of ``dtype`` (f32, f64) in calls of ``batch``; some may not apply to the forest."""
    found = [("treec's choice", default_gpu_schedule(forest, arch).schedule)]
    found += [(name, preset(name)) for name in preset_names() if preset(name).gpu is not None]
    found += [*_grid(forest.inputs.n_features, batch, GPUS[arch].threads), *_shared_nodes()]
    single: dict[str, Candidate] = {}
    for name, schedule in found:
        aimed = schedule.with_target(arch=arch, input=dtype)
        single.setdefault(aimed.to_text(), Candidate(name, aimed))  # a preset may be one of the grid
    return list(single.values())[:most]


def _grid(n_features: int, batch: int, threads_most: int) -> list[tuple[str, Schedule]]:
    wide = batch <= SMALL_BATCH or n_features > FEW_FEATURES
    lanes, rows = ((20, 50), (8, 32)) if wide else ((2, 10), (32, 64))
    found: list[tuple[str, Schedule]] = []
    for layout, n_lanes, n_rows, together in product(LAYOUTS, lanes, rows, TOGETHER):
        if n_lanes * n_rows > threads_most:
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
