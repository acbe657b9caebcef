"""Random whole schedules for GPUs, form by form: what is always there of a form, and what is drawn."""

# pyright: basic

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from treec.schedule.schedule import Schedule


@dataclass(frozen=True)
class Form:
    """What each schedule of a form has. ``trees``: who has the trees of a row: a thread ``alone``, threads that ``share``
    them (how their sums meet: ``reduce``), ``parts`` of blocks, or threads that share ``bits``. None: drawn."""

    trees: str
    walk: str = "scalar"
    interleave: str | None = None
    layout: str | None = None
    reduce: str | None = None
    exact: bool | None = None
    nodes: bool | None = None

    def words(self) -> list[str]:
        """What its schedules' texts have."""
        found = [f"walk with={self.walk}"]
        found += [f"interleave={self.interleave}:"] if self.interleave else []
        found += [f"layout {self.layout}"] if self.layout else []
        found += [f"in={self.reduce}"] if self.reduce else []
        found += ["float reassociate"] if self.exact is False else []
        return [*found, *(["cache nodes"] if self.nodes else [])]


FORMS = {
    "a thread for a row": Form("alone"),
    "a thread for a row, trees together": Form("alone", interleave="tree"),
    "rows together": Form("alone", interleave="row"),
    "reorg": Form("alone", layout="reorg"),
    "pairs": Form("alone", layout="pairs"),
    "nodes in shared memory": Form("alone", layout="packed", nodes=True),
    "gemm": Form("alone", walk="gemm", layout="packed"),
    "gemm, rows together": Form("alone", walk="gemm", layout="packed", interleave="row"),
    "gemm, nodes in shared memory": Form("alone", walk="gemm", layout="packed", nodes=True),
    "shared trees": Form("share", reduce="shared", exact=True),
    "shared trees, partial sums": Form("share", reduce="shared", exact=False),
    "shared trees, rows together": Form("share", reduce="shared", interleave="row"),
    "shared trees, gemm": Form("share", walk="gemm", layout="packed"),
    "shuffles": Form("share", reduce="shuffle", exact=True),
    "shuffles of partial sums": Form("share", reduce="shuffle", exact=False),
    "atomic sums": Form("share", reduce="atomic", exact=False),
    "parts": Form("parts", reduce="staged", exact=True),
    "parts, partial sums": Form("parts", reduce="staged", exact=False),
    "parts, nodes in shared memory": Form("parts", reduce="staged", layout="packed", nodes=True),
    "bits": Form("bits", walk="bitslice"),
}


@st.composite
def schedules(draw: st.DrawFn, form: Form | None = None) -> Schedule:
    """Any whole schedule of a form, or of any."""
    form = form or draw(st.sampled_from(list(FORMS.values())))
    if form.trees == "bits":
        return draw(bitslices())
    also = draw(st.sampled_from(("", " also=(sm_80)", " also=(sm_100, sm_80)")))
    lines = [f"target gpu input={draw(st.sampled_from(('f32', 'f64', 'f32', 'f64', 'any')))}{also}"]
    reassociated = draw(st.integers(0, 3)) == 0 if form.exact is None else not form.exact
    lines += ["float reassociate"] if reassociated else []
    lines += [line for line in ("share predicates", "share leaves", "swap children") if draw(st.booleans())]
    if draw(st.booleans()):
        lines.append(f"pad trees to={draw(st.sampled_from(('tree', 'forest')))} limit=1000")
    body = {"alone": _alone, "share": _shared_trees, "parts": _parts}[form.trees](draw, form, lines)
    return Schedule.from_text("\n".join(body))


def _alone(draw: st.DrawFn, form: Form, lines: list[str]) -> list[str]:
    """A thread has all trees of its rows."""
    nest, grid, block = draw_nest(draw, lines, one_grid=form.nodes is True)
    inside = nest[1 + max(nest.index(loop) for loop in (*grid, *block)) :]
    outside = nest[: len(nest) - len(inside)]
    if draw(st.booleans()):
        lines.append(f"split tree into=(trees, tree) by={draw(st.sampled_from((1, 2, 3)))}")
        at = inside.index("tree")
        inside[at : at + 1] = ["trees", "tree"]
    rows, trees = [loop for loop in inside if "tree" not in loop], [loop for loop in inside if "tree" in loop]
    if form.interleave == "row" and not rows:  # several rows for each thread
        lines.append(f"split {outside[-1]} into=({outside[-1]}, row) by={draw(st.sampled_from((2, 3)))}")
        rows = ["row"]
    if form.interleave == "row" or (form.interleave is None and draw(st.booleans())):
        inside = [*trees, *rows]
    elif form.interleave == "tree":
        inside = [*rows, *trees]
    lines += [f"order {', '.join([*outside, *inside])}", _layout(draw, form)]
    for kind, loops in (("grid", grid), ("block", block)):
        for loop, dimension in zip(loops, draw(st.permutations("yz")) if len(loops) > 2 else "xy", strict=False):
            lines.append(f"bind {loop} {kind}.{dimension}")
    above = outside[: outside.index(block[0])]
    if draw(st.booleans()):
        lines.append(
            f"cache rows at={draw(st.sampled_from(above))} layout={draw(st.sampled_from(('row', 'column')))} in=shared"
        )
    return [*lines, *_node_copy(draw, form, lines, grid), _walk(draw, form, "tree" if "tree" in inside[-1] else "row")]


def _shared_trees(draw: st.DrawFn, form: Form, lines: list[str]) -> list[str]:
    """Threads share trees, and maybe rows; or each has several rows."""
    shuffled = form.reduce == "shuffle"
    lanes, by = draw(st.sampled_from((1, 2, 8, 32) if shuffled else (1, 2, 3, 8, 32))), draw(st.sampled_from((1, 3, 8)))
    lines.append(f"split tree into=(round, lane) by={lanes}")
    hows = ["rows", "one row", "chunks", *([] if shuffled else ["several"])]
    how = "several" if form.interleave == "row" else draw(st.sampled_from(hows))
    match how:
        case "rows":
            lines.append(f"split row into=(block, thread) by={by}")
            nest = ["block", "thread", "round", "lane"]
        case "several":
            lines.append(f"split row into=(block, row) by={by}")
            nest = ["block", "round", "lane", "row"]
        case "one row":
            nest = ["row", "round", "lane"]
        case _:
            lines.append(f"split row into=(block, chunk) by={by * 2}")
            lines.append(f"split chunk into=(part, thread) by={by}")
            nest = ["block", "part", "thread", "round", "lane"]
    lines += [f"order {', '.join(nest)}", _layout(draw, form), f"bind {nest[0]} grid.x"]
    first, second = "xy" if shuffled else draw(st.permutations("xy"))
    lines += [f"bind lane block.{first}", f"reduce lane in={form.reduce or 'shared'}"]
    lines += [f"bind thread block.{second}"] if "thread" in nest else []
    if draw(st.booleans()):
        at = draw(st.sampled_from([loop for loop in nest if loop in ("block", "part")] or ["row"]))
        lines.append(f"cache rows at={at} layout={draw(st.sampled_from(('row', 'column')))} in=shared")
    lines += _node_copy(draw, form, lines, [nest[0]])
    return [*lines, _walk(draw, form, "row" if nest[-1] == "row" else "tree")]


def _parts(draw: st.DrawFn, form: Form, lines: list[str]) -> list[str]:
    """Blocks have groups of trees; the nest inside is a thread's."""
    if draw(st.integers(0, 3)) == 0:
        lines.append(f"reorder trees by={draw(st.sampled_from(('depth', 'size')))}")
    lines.append(f"split tree into=(group, tree) by={draw(st.sampled_from((1, 2, 3, 50)))}")
    nest, grid, block = draw_nest(draw, lines, one_grid=True)
    inside = nest[1 + max(nest.index(loop) for loop in (*grid, *block)) :]
    rows = [loop for loop in inside if loop != "tree"]
    inside = ["tree", *rows] if rows and draw(st.booleans()) else [*rows, "tree"]
    outside = nest[: len(nest) - len(rows) - 1]
    lines += [f"order group, {', '.join([*outside, *inside])}", _layout(draw, form)]
    lines += [f"bind group grid.{draw(st.sampled_from('yz'))}", f"bind {grid[0]} grid.x"]
    lines += [f"bind {loop} block.{dimension}" for loop, dimension in zip(block, "xy", strict=False)]
    if form.nodes or (form.nodes is None and lines_are_packed(lines) and draw(st.booleans())):
        lines.append("cache nodes at=group in=shared")
    return [*lines, "reduce group in=staged", _walk(draw, form, "tree" if inside[-1] == "tree" else "row")]


def _walk(draw: st.DrawFn, form: Form, axis: str) -> str:
    """The innermost loop is over ``axis``."""
    gemm = form.walk == "gemm"
    walk = f"walk with={form.walk}"
    if form.interleave or (draw(st.booleans()) and not (gemm and axis == "tree")):
        walk += f" interleave={axis}:{draw(st.sampled_from((1, 2, 3)))}"
    if draw(st.booleans()) and not gemm:
        walk += f" peel={draw(st.integers(0, 3))}"
    if draw(st.integers(0, 3)) == 0 and not gemm and form.trees == "alone":
        walk += " unroll=full"
    return walk


def lines_are_packed(lines: list[str]) -> bool:
    return any(line.startswith("layout packed") for line in lines)


def _layout(draw: st.DrawFn, form: Form) -> str:
    align, kinds = draw(st.sampled_from((1, 4, 8))), ("packed", "packed", "pairs", "reorg")
    kind = form.layout or draw(st.sampled_from(kinds))
    if kind != "packed":
        return f"layout {kind} align={align}"
    return f"layout packed predicates={draw(st.sampled_from(('inline', 'table')))} align={align}"


def _node_copy(draw: st.DrawFn, form: Form, lines: list[str], grid: list[str]) -> list[str]:
    if not form.nodes and (not lines_are_packed(lines) or len(grid) > 1 or draw(st.integers(0, 2))):
        return []
    return [f"cache nodes at={grid[0]} in=shared"]


@st.composite
def bitslices(draw: st.DrawFn) -> Schedule:
    """Any whole schedule for a GPU whose threads share bits."""
    reordered = draw(st.booleans())
    lines = [f"target gpu input={draw(st.sampled_from(('f32', 'f64', 'any')))}"]
    lines += ["float reassociate"] if reordered else []
    lines += [line for line in ("share predicates", "share leaves", "swap children") if draw(st.booleans())]
    lines += [f"reorder trees by={draw(st.sampled_from(('depth', 'size')))}"] if reordered else []
    by = draw(st.sampled_from((1, 7, 32, 33, 64, 100)))
    lines.append(f"split row into=(block, row) by={by}")
    outside = ["block"]
    if draw(st.booleans()):
        lines.append(f"split block into=(super, block) by={by * draw(st.sampled_from((1, 2, 3)))}")
        outside = ["super", "block"]
    trees = ["tree"]
    if draw(st.integers(0, 3)):
        lines.append(f"split tree into=(group, tree) by={draw(st.sampled_from((1, 2, 5)))}")
        trees = ["group", "tree"]
    lines.append(f"rank features at=block to={draw(st.sampled_from(('u8', 'u16', 'u32')))}")
    lines += ["predicates at=block", f"order {', '.join([*outside, *trees, 'row'])}"]
    lines.append(f"bind {outside[0]} grid.x")
    if len(outside) > 1 and draw(st.booleans()):
        lines.append("bind block grid.y")
    lines.append(f"bind row block.{draw(st.sampled_from(('x', 'y')))}")
    if draw(st.booleans()) and trees[0] == "group":
        lines.append("unroll group by=2")
    leaf, multiplex = draw(st.sampled_from(("auto", "path", "index"))), draw(st.sampled_from(("none", "auto")))
    lines.append(f"walk with=bitslice leaf={leaf} multiplex={multiplex}")
    return Schedule.from_text("\n".join(lines))


def draw_nest(draw: st.DrawFn, lines: list[str], *, one_grid: bool = False) -> tuple[list[str], list[str], list[str]]:
    """A nest, and which of its loops are for blocks and threads; ``one_grid``: one for blocks."""
    threads = draw(st.sampled_from((1, 4, 32)))
    match draw(st.sampled_from(("thread", "several", "apart", "flat", *(() if one_grid else ("two",))))):
        case "thread":  # a row for each thread
            lines.append(f"split row into=(block, thread) by={threads}")
            return ["block", "thread", "tree"], ["block"], ["thread"]
        case "several":  # neighbouring rows for each thread
            each = draw(st.sampled_from((2, 3)))
            lines.append(f"split row into=(block, chunk) by={threads * each - draw(st.integers(0, 1))}")
            lines.append(f"split chunk into=(thread, row) by={each}")
            return ["block", "thread", "row", "tree"], ["block"], ["thread"]
        case "apart":  # rows of a thread are as far from one another as there are threads
            lines.append(f"split row into=(block, chunk) by={threads * draw(st.sampled_from((1, 3)))}")
            lines.append(f"split chunk into=(part, thread) by={threads}")
            return ["block", "part", "thread", "tree"], ["block"], ["thread"]
        case "two":  # blocks in two dimensions
            lines.append(f"split row into=(block, chunk) by={threads * 3}")
            lines.append(f"split chunk into=(part, thread) by={threads}")
            return ["block", "part", "thread", "tree"], ["block", "part"], ["thread"]
        case _:  # threads in two dimensions
            lines.append(f"split row into=(block, chunk) by={threads * 3}")
            lines.append("split chunk into=(thread, inner) by=3")
            return ["block", "thread", "inner", "tree"], ["block"], ["thread", "inner"]
