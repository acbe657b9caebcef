"""What each directive changes in the IR, for docs/schedule.md, from real runs of its pass on a small model.

``python -m tests.docs.excerpts docs/schedule.md`` writes the excerpts into the sections of the directives.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from tests.property.forests import Shape, build
from treec.errors import UsageError
from treec.frontends.base import Forest, Trees
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.directives import DIRECTIVES
from treec.schedule.parse import parse_directives
from treec.schedule.reference import excerpt_marks
from treec.schedule.schedule import Schedule
from treec.treeir.blob import BlobAttr
from treec.treeir.forest_convert import forest_module

SEED = 50
SCALAR = "walk with=scalar\n"
BLOCK = "split row into=(block, row) by=64\n"
ORDER = "order block, tree, row\n"
RANKED = BLOCK + "rank features at=block to=u8\n"
PACKED = "layout packed\n"
EXAMPLES = {
    "target cpu": "target cpu level=x86-64-v3 input=f32\n" + PACKED + SCALAR,
    "target gpu": "target gpu arch=sm_90\n",
    "float": "float reassociate\n" + PACKED + SCALAR,
    "share predicates": "share predicates\n" + PACKED + SCALAR,
    "share leaves": "share leaves\n" + PACKED + SCALAR,
    "pad trees": "pad trees\n" + PACKED + SCALAR,
    "swap children": "swap children\n" + PACKED + SCALAR,
    "reorder trees": "reorder trees by=size\n" + PACKED + SCALAR,
    "tile nodes": "tile nodes size=2\nlayout sparse\nwalk with=tile\n",
    "split": PACKED + BLOCK + ORDER + SCALAR,
    "fuse": PACKED + BLOCK + "fuse block, row into=row\n" + SCALAR,
    "order": PACKED + BLOCK + ORDER + SCALAR,
    "fission": PACKED + "fission tree by=depth\n" + SCALAR,
    "specialize": PACKED + "specialize tree\n" + SCALAR,
    "reduce": "float reassociate\nsplit tree into=(group, tree) by=2\norder group, row, tree\nreduce group in=vector\n"
    + PACKED
    + SCALAR,
    "rank features": RANKED + "layout pairs\n" + ORDER + SCALAR,
    "predicates": RANKED + "predicates at=block\n" + ORDER + "walk with=bitslice\n",
    "cache rows": PACKED + BLOCK + ORDER + "cache rows at=block\n" + SCALAR,
    "cache nodes": "target gpu\nsplit row into=(block, thread) by=128\nbind block grid.x\nbind thread block.x\n"
    + PACKED
    + "cache nodes at=block in=shared\n"
    + SCALAR,
    "prefetch rows": PACKED + "prefetch rows at=row ahead=4\n" + SCALAR,
    "layout": PACKED + SCALAR,
    "vectorize": PACKED + BLOCK + ORDER + "vectorize row\nwalk with=lanes\n",
    "walk": PACKED + "order tree, row\nwalk with=scalar interleave=row:8 peel=2\n",
    "unroll": PACKED + "unroll tree by=4\n" + SCALAR,
    "parallel": PACKED + BLOCK + ORDER + SCALAR + "parallel block\n",
    "bind": "target gpu\nsplit row into=(block, thread) by=128\nbind block grid.x\nbind thread block.x\n" + PACKED + SCALAR,
    "kernel": PACKED + "kernel when rows <= 8 {\n" + SCALAR + "}\n" + SCALAR,
}
"""A schedule for each directive, by its keyword."""
WIDTH, MOST_VALUES, MOST_LINES = 120, 12, 12


def model() -> Forest:
    """Three trees that are small enough to be read."""
    forest = build(Shape(n_trees=3, leaves=4, n_inputs=2, n_predicates=5, seed=SEED))
    trees, rng = forest.trees, np.random.default_rng(SEED)
    if not isinstance(trees, Trees):
        raise TypeError("the model has trees with nodes")
    values = np.round(forest.leaves.values)
    leaf_count = rng.integers(1, 9, len(trees.leaf_row)).astype(np.float64)
    node_count = rng.integers(10, 99, len(trees.predicate)).astype(np.float64)
    trees = replace(trees, node_count=node_count, leaf_count=leaf_count)
    return replace(forest, trees=trees, leaves=replace(forest.leaves, values=values)).check()


def excerpt(keyword: str) -> str:
    """The ops that the pass of a directive changes, before and after, as a block of Markdown."""
    module, schedule = forest_module(model()), Schedule(parse_directives(EXAMPLES[keyword]))
    for step in pipeline_of(schedule)[:-1]:
        before = ops_of(module)
        run_pipeline(module, [step])
        if step.directive is not None and step.directive.keyword == keyword:
            old, new = changed(before, ops_of(module))
            parts = [*(["// before", *old] if old else []), f"// after {step.directive.text}", *new]
            return "\n".join(
                ["```mlir", *(line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …" for line in parts), "```"]
            )
    raise ValueError(f"the example has no `{keyword}`")


def ops_of(module: ModuleOp) -> list[str]:
    """The text of each op of the model and of each op of plans, with arrays as their values and no closing braces."""
    text = str(module)
    for op in module.walk():
        for value in op.properties.values():
            if isinstance(value, BlobAttr):
                text = text.replace(str(value), _array(value.array))
    found: list[str] = []
    open_op = False
    for line in text.split("\n")[1:-1]:
        line = line[2:]
        if line.strip(" }") == "" or line.startswith("  ^"):
            open_op = open_op and line != "}"
        elif open_op:
            found[-1] += f"\n{line}"
        else:
            open_op = line.startswith("plan.") and line.endswith("{")
            found.append(line.strip().rstrip(",") if line.startswith(" ") else line)
    return found


def _array(array: NDArray[Any]) -> str:
    if array.dtype.names:
        return f"{len(array)} records of {', '.join(array.dtype.names)}"
    if array.size > MOST_VALUES:
        return f"{array.dtype}{list(array.shape)}"
    if array.ndim > 1:
        return f"[{', '.join(_array(part) for part in array)}]"
    return f"[{', '.join(str(int(v)) if array.dtype.kind in 'bu' else str(v) for v in array)}]"


def changed(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the ops that differ: all of a nest of loops, and the properties that differ of other ops."""
    old: list[str] = []
    new: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        gone, come = before[a:b], after[c:d]
        if len(gone) == len(come):
            for was, now in zip(gone, come, strict=True):
                left, right = _difference(was, now)
                old += left
                new += right
        else:
            old += [line for op in gone for line in op.split("\n")]
            new += [line for op in come for line in _shortened(op)]
    return old, new


def _difference(was: str, now: str) -> tuple[list[str], list[str]]:
    if was.startswith("plan.kernel"):
        return was.split("\n"), now.split("\n")
    if " {" not in was:
        return [was], [now]
    name, left = _properties(was)
    _, right = _properties(now)
    return (
        [f"{name} {{ … {', '.join(p for p in left if p not in right)} }}"],
        [f"{name} {{ … {', '.join(p for p in right if p not in left)} }}"],
    )


def _shortened(op: str) -> list[str]:
    lines = op.split("\n")
    return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "  …"]


def _properties(line: str) -> tuple[str, list[str]]:
    """The head of an op, and its properties."""
    head, _, rest = line.partition(" {")
    found: list[str] = []
    depth, part = 0, ""
    for letter in rest.strip().rstrip("}").strip():
        depth += (letter in "[{(<") - (letter in "]})>")
        if letter == "," and depth == 0:
            found.append(part.strip())
            part = ""
        else:
            part += letter
    return head, [p for p in (*found, part.strip()) if p]


def rewrite(page: str) -> str:
    """The page with the excerpt of every directive renewed."""
    for keyword in DIRECTIVES:
        begin, end = excerpt_marks(keyword)
        before, mark, rest = page.partition(begin)
        _, last, after = rest.partition(end)
        if not mark or not last:
            raise UsageError(f"the page has no place for `{keyword}`", fix="run treec.schedule.reference on it first")
        page = f"{before}{begin}\n{excerpt(keyword)}\n{end}{after}"
    return page


def main() -> int:
    path = Path(sys.argv[1])
    path.write_text(rewrite(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
