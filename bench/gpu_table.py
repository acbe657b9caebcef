# pyright: basic
"""What the kernels of every preset for GPUs take, read from their machine code, and the speed that this allows at most.

usage: python -m bench.gpu_table [--arch sm_90] [--write docs/gpu.md] [--choices MODEL …] [MODEL]

For treec's choice and each preset: registers, shared bytes and spills of the kernel of raw outputs, as ptxas says; and
the instructions of its innermost loop of a walk, as nvdisasm shows it, for one step of one walk. Times the mean number of
steps of the model's rows (all steps of straight code and of counted loops, all nodes of a gemm) that is a lower bound of
the instructions of a row: threads of a warp wait for the longest walk, and loads of nodes that lie apart take several
turns. Bytes are those of a row and its outputs, each moved once, and of what waits for a second kernel, moved twice; that
kernel's instructions are not counted. Both imply a bound of the rows per second of an H200.
Needs nvcc and nvdisasm (`pip install nvidia-cuda-nvdisasm`), and no GPU.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.gpu import MODELS
from bench.models import BenchModel, bench_models
from bench.sass import Cost, sass_of, shared_step, walk_cost
from treec.codegen.tir.nvcc import KernelUse
from treec.compiler import Compilation, generate
from treec.default.gpu import default_gpu_schedule
from treec.errors import ScheduleError, UsageError
from treec.frontends.base import Forest, Trees
from treec.frontends.load import LoadedModel, load_model
from treec.passes.algo.depths import leaf_depths
from treec.schedule.directives import CacheNodes, Layout, Walk
from treec.schedule.gpus import BLOCK_SHARED, GPUS
from treec.schedule.library import preset, preset_names
from treec.schedule.schedule import Schedule
from treec.treeir.interp.plan import read_inputs
from treec.treeir.interp.predicates import goes_left

SMS, SLOTS, WARP, HERTZ = 132, 4, 32, 1.98e9
"""Of an H200: multiprocessors, warps that each starts an instruction of in a cycle, threads of a warp, highest clock."""
COPY_BYTES = 4.3e12
"""Bytes a second that a copy moves on an H200, measured."""
ROWS = 512
BEGIN, END = "<!-- kernels: begin -->", "<!-- kernels: end -->"


@dataclass(frozen=True)
class Line:
    """Of one schedule. ``shared``: bytes of a block. ``resident``: threads on a multiprocessor. ``cost``: in instructions;
    it and ``per_row`` are None of a schedule that does not walk."""

    name: str
    use: KernelUse
    shared: int
    threads: int
    resident: int
    cost: Cost | None
    per_row: float | None
    bytes_row: int

    def bounds(self) -> tuple[float, float]:
        """Rows a second that instructions, and bytes, allow."""
        by_code = SMS * SLOTS * WARP * HERTZ / self.per_row if self.per_row else float("inf")
        return by_code, COPY_BYTES / self.bytes_row


def steps_taken(forest: Forest, walk: Walk, mean: float, *, counted: bool = False) -> float:
    """Steps of a row in loops: as many as it needs, on average; as each tree has at most, where they are ``counted``, as
    those of pairs about values; as the deepest tree has, of straight code; of a gemm all nodes. Straight code before a loop
    is counted with the tree."""
    trees = forest.trees
    if not isinstance(trees, Trees):
        raise UsageError("only trees with nodes are walked")
    if walk.strategy == "gemm":
        return trees.n_nodes
    depths = leaf_depths(trees)[1]
    if walk.unroll == "full":
        return trees.n_trees * deepest_leaf(trees)
    return float(np.maximum(depths - walk.peel, 0).sum()) if counted else max(0.0, mean - walk.peel * trees.n_trees)


def deepest_leaf(trees: Trees) -> int:
    return int(leaf_depths(trees)[1].max(initial=0))


def mean_steps(forest: Forest, rows: Any) -> float:
    """Steps of a row down all trees, on average over ``rows``."""
    trees = forest.trees
    if not isinstance(trees, Trees):
        raise UsageError("only trees with nodes are walked")
    values, total = read_inputs(forest, rows), 0
    counts = np.diff(trees.node_offset)
    for first, count in zip(trees.node_offset[:-1].tolist(), counts.tolist(), strict=True):
        node = np.zeros(len(values), np.int64)
        active = np.flatnonzero(node < count)
        while len(active):
            total += len(active)
            asked = trees.predicate[first + node[active]]
            left = goes_left(forest.predicates, asked, values[active, forest.predicates.input[asked]])
            at = first + node[active]
            node[active] = np.where(left, trees.left[at], trees.right[at])
            active = active[node[active] >= 0]
    return total / len(values)


def schedules(forest: Forest, arch: str) -> dict[str, Schedule]:
    """treec's choice, then every preset, for f32 rows and this architecture."""
    found = {"treec's choice": default_gpu_schedule(forest, arch).schedule}
    found |= {name: preset(name) for name in preset_names() if preset(name).gpu is not None}
    return {name: schedule.with_target(input="f32", arch=arch) for name, schedule in found.items()}


def measure(name: str, model: LoadedModel, schedule: Schedule, steps: float, arch: str) -> Line:
    """Compile and read one schedule."""
    compilation = Compilation(model, schedule, ())
    generate(compilation)
    assert compilation.gpu is not None
    built, forest = compilation.gpu, model.forest
    if built.cubin is None:
        raise UsageError("there is no nvcc", fix="install the CUDA toolkit, or set CUDA_HOME")
    symbol = "treec_main_raw_f32"
    use = next(use for use in built.cubin.uses if use.symbol == symbol)
    launched = built.cuda.kernel(symbol)
    threads, shared = int(np.prod(launched.block)), use.shared_bytes + launched.dynamic_bytes
    limits, cost = GPUS[arch], None
    assert isinstance(forest.trees, Trees)
    walk = main_walk(schedule)
    if walk.strategy != "bitslice":
        sass, cached = sass_of(built.cubin)[symbol], any(isinstance(directive, CacheNodes) for directive in schedule)
        cost = Cost(shared_step(sass), 0.0) if cached else walk_cost(sass, walk, deepest_leaf(forest.trees))
    registers = -(-use.registers // 8) * 8 * -(-threads // WARP) * WARP
    blocks = min(
        limits.blocks_sm,
        limits.threads_sm // threads,
        limits.registers_sm // registers,
        limits.shared_sm // (shared + BLOCK_SHARED),
    )
    moved = 4 * forest.inputs.n_inputs + forest.sum.dtype.itemsize * forest.n_columns + 2 * launched.scratch_bytes
    counted = any(isinstance(directive, Layout) and directive.kind == "pairs" for directive in schedule)
    per_row = None
    if cost is not None:
        per_row = cost.step * steps_taken(forest, walk, steps, counted=counted) + cost.tree * forest.trees.n_trees
    return Line(name, use, shared, threads, blocks * threads, cost, per_row, moved)


def main_walk(schedule: Schedule) -> Walk:
    """That of calls of any number of rows."""
    return [directive for directive in schedule if isinstance(directive, Walk)][-1]


def table(lines: list[Line], refused: dict[str, str]) -> str:
    """In Markdown."""
    text = [
        "| schedule | threads | registers | shared bytes | spills | threads on an SM | instructions a step | a tree "
        "| a row | bytes a row | rows/s at most |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        by_code, by_bytes = line.bounds()
        which = "instructions" if by_code < by_bytes else "bytes"
        bound = f"{min(by_code, by_bytes) / 1e9:.1f} billion ({which})" if line.per_row else "not counted"
        step, tree = (None, None) if line.cost is None else (line.cost.step, line.cost.tree)
        text.append(
            f"| {line.name if ' ' in line.name else f'`{line.name}`'} | {line.threads} | {line.use.registers} | "
            f"{line.shared:,} | {line.use.spill_bytes} | {line.resident:,} | {_shown(step, '.1f')} | "
            f"{_shown(tree, '.0f')} | {_shown(line.per_row, ',.0f')} | {line.bytes_row} | {bound} |"
        )
    return "\n".join([*text, *(f"\n`{name}` is refused: {why}" for name, why in refused.items())])


def _shown(number: float | None, form: str) -> str:
    return "none" if number is None else format(number, form)


def choices(models: list[BenchModel], arch: str) -> list[Line]:
    """treec's choice for each model."""
    lines: list[Line] = []
    for chosen in models:
        model = load_model(str(chosen.path))
        schedule = default_gpu_schedule(model.forest, arch).schedule.with_target(input="f32", arch=arch)
        lines.append(measure(chosen.name, model, schedule, mean_steps(model.forest, chosen.batch(ROWS)), arch))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="higgs", help="of bench.models, or a model file")
    parser.add_argument("--choices", nargs="*", metavar="MODEL", default=MODELS, help="models to show treec's choice for")
    parser.add_argument("--arch", default="sm_90", choices=tuple(GPUS))
    parser.add_argument("--write", metavar="PAGE", help="put the tables between the marks of this page")
    options = parser.parse_args()
    (chosen,) = bench_models([options.model])
    model = load_model(str(chosen.path))
    steps = mean_steps(model.forest, chosen.batch(ROWS))
    lines, refused = list[Line](), dict[str, str]()
    for name, schedule in schedules(model.forest, options.arch).items():
        try:
            lines.append(measure(name, model, schedule, steps, options.arch))
        except ScheduleError as error:
            refused[name] = error.message
    head = f"`{chosen.name}`: {model.forest.trees.n_trees} trees, {steps:,.0f} steps a row on average, {options.arch}."
    text = f"{head}\n\n{table(lines, refused)}"
    if options.choices:
        text += f"\n\ntreec's choice:\n\n{table(choices(bench_models(options.choices), options.arch), {})}"
    print(text)
    if options.write:
        page = Path(options.write)
        before, _, rest = page.read_text().partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
