"""Schedules with mistakes: an error with place, reason and fix, or, where it is no mistake, the right answer."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.forests import Shape, build
from tests.property.test_pipeline import DTYPES, assert_same, expected, forests, lowered, planned_sums, reads, schedules
from treec.codegen.abi import DType
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Predicates, Test, Trees
from treec.frontends.canonical import canonical_order
from treec.schedule.arguments import Choice
from treec.schedule.directives import DIRECTIVES
from treec.schedule.schedule import Schedule
from treec.treeir.interp import loop as loop_level
from treec.verify.rows import Domain, random_rows

FILE = "any.sched"
PLACE = re.compile(re.escape(FILE) + r"(?::(\d+):(\d+))?")
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*|-?[0-9][A-Za-z0-9_.]*|<=|[=(),{}]|[ \t]+|\n|.")
NUMBERS = (
    "0",
    "-1",
    "1",
    "3",
    "255",
    "4096",
    "2147483647",
    "2147483648",
    "9" * 30,
    "1.5",
    "0.5",
    "1e9",
    "seven",
    "(4)",
    "8x",
)
NAMES = ("row", "tree", "block", "row0", "tree0", "row0i", "x", "none", "full")
WORDS = sorted({word for cls in DIRECTIVES.values() for word in cls.keyword.split()})
VALUES = sorted(
    {v for cls in DIRECTIVES.values() for a in cls.arguments() if isinstance(a.kind, Choice) for v in a.kind.values}
)
ARGUMENTS = sorted({f"{a.spelled}=" for cls in DIRECTIVES.values() for a in cls.arguments() if not a.positional})
MARKS = ("(", ")", "{", "}", ",", "=", "<=", "#", ";", "\n", " ", "\x1b", "é")
LINES = (
    *("target cpu", "float reassociate", "share leaves", "pad trees", "swap children", "reorder trees by=depth"),
    *("tile nodes size=3", "split row into=(a, b) by=4", "split tree into=(c, d) by=2147483647", "fuse row0, row into=x"),
    *("order tree, row", "order row, tree", "fission tree by=depth", "layout array", "layout pairs", "layout packed"),
    *("rank features at=row to=u8", "predicates at=row", "cache rows at=row layout=column", "unroll tree by=300"),
    *("vectorize row", "walk with=tile", "walk with=lanes interleave=row:64", "walk with=bitslice", "parallel row"),
    *("specialize tree", "walk with=branch", "walk with=gemm"),
    *("kernel when rows <= 8 {", "}", "kernel when rows <= 0 {", "kernel when rows < 8 {"),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The text of a valid schedule with one to three changes."""
    text = draw(schedules()).to_text()
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from((change_token, change_token, change_lines)))(draw, text)
    return text


def change_token(draw: st.DrawFn, text: str) -> str:
    """One word, number or mark goes, doubles, moves, or becomes another."""
    tokens: list[str] = TOKEN.findall(text)
    visible = [at for at, token in enumerate(tokens) if token.strip()]
    if not visible:
        return draw(st.sampled_from(LINES))
    at = draw(st.sampled_from(visible))
    old = tokens[at]
    how = draw(st.sampled_from(("swap", "drop", "double", "misspell", "other", "other", "other", "add")))
    if how == "swap":
        other = draw(st.sampled_from(visible))
        tokens[at], tokens[other] = tokens[other], tokens[at]
    elif how == "misspell":
        cut = draw(st.integers(0, len(old)))
        tokens[at] = old[:cut] + draw(st.sampled_from(("x", "", "_", "-", "."))) + old[cut + 1 :]
    elif how == "add":
        tokens.insert(at, f" {draw(other_token(old))} ")
    else:
        tokens[at] = {"drop": "", "double": f"{old} {old}"}.get(how) or ("" if how == "drop" else draw(other_token(old)))
    return "".join(tokens)


def other_token(old: str) -> st.SearchStrategy[str]:
    """Mostly something of the same sort."""
    alike = NUMBERS if old[:1].isdigit() else (*WORDS, *VALUES, *NAMES) if old[:1].isalpha() else MARKS
    return st.one_of(st.sampled_from(alike), st.sampled_from((*WORDS, *VALUES, *NAMES, *NUMBERS, *ARGUMENTS, *MARKS)))


def change_lines(draw: st.DrawFn, text: str) -> str:
    """A line goes, doubles, moves, gets another argument, or comes from another schedule."""
    lines = text.splitlines()
    at = draw(st.integers(0, max(0, len(lines) - 1)))
    how = draw(st.sampled_from(("drop", "double", "move", "foreign", "argument")))
    if how == "foreign" or not lines:
        lines.insert(at, draw(st.sampled_from(LINES)))
    elif how == "argument":
        lines[at] += f" {draw(st.sampled_from(ARGUMENTS))}{draw(st.sampled_from((*VALUES, *NUMBERS, *NAMES)))}"
    else:
        line = lines[at] if how == "double" else lines.pop(at)
        if how != "drop":
            lines.insert(draw(st.integers(0, len(lines))), line)
    return "\n".join(lines) + "\n"


def assert_located(error: ScheduleError, text: str) -> None:
    """The error says where, in the text, and what to do; only of an empty schedule it can't say where."""
    place = PLACE.fullmatch(error.place or "")
    assert place is not None, f"no place: {error!r} {error}"
    lines = text.split("\n")
    if place[1] is None:
        assert not any(line.split("#")[0].strip() for line in lines), f"no line: {error}"
    else:
        assert 1 <= int(place[1]) <= len(lines)
        assert 1 <= int(place[2]) <= len(lines[int(place[1]) - 1]) + 1
    assert error.fix, f"no fix: {error}"
    assert len(str(error)) < 3000


def read(text: str) -> Schedule | None:
    """The schedule, or None for a mistake that is told as it should be."""
    try:
        return Schedule.from_text(text, FILE)
    except ScheduleError as error:
        assert_located(error, text)
        return None


def answer(forest: Forest, text: str, seed: int, n: int = 3) -> bool:
    """Whether the schedule gives the right answer; False for a mistake that is told as it should be."""
    schedule = read(text)
    if schedule is None:
        return False
    try:
        levels = lowered(forest, schedule)
    except ScheduleError as error:
        assert_located(error, text)
        return False
    dtype = next(d for d in DType if reads(schedule, d))
    rows, trees = random_rows(Domain(forest, DTYPES[dtype]), n, seed), (0, forest.trees.n_trees)
    outputs = expected(forest, rows, trees)
    if schedule.float_policy == "reassociate":
        outputs = planned_sums(forest, levels.planned, rows, trees, outputs)
    for task, wanted in outputs.items():
        assert_same(loop_level.run_kernel(levels.loops, task, dtype, rows, trees, wanted.shape[1]), wanted)
    return True


@settings(max_examples=settings().max_examples * 20)
@given(mutated())
def test_a_changed_text_is_a_schedule_or_an_error_with_a_place(text: str) -> None:
    schedule = read(text)
    if schedule is not None:
        assert Schedule.from_text(schedule.to_text()) == schedule


@settings(max_examples=settings().max_examples * 2)
@given(forest=forests(), text=mutated(), seed=st.integers(0, 1000))
def test_a_changed_schedule_answers_or_is_refused(forest: Forest, text: str, seed: int) -> None:
    answer(forest, text, seed)


def comb(depths: tuple[int, ...], n_cuts: int) -> Forest:
    """Trees that are chains of so many nodes, which ask one input for ``n_cuts`` thresholds."""
    shape = build(Shape(n_trees=1, leaves=2, n_inputs=1, n_predicates=1, width=1, n_columns=1))
    n_leaves = [depth + 1 for depth in depths]
    offset = np.concatenate([[0], np.cumsum([2 * n - 1 for n in n_leaves])])
    left = np.concatenate([_chain(n, side=0) for n in n_leaves])
    right = np.concatenate([_chain(n, side=1) for n in n_leaves])
    order = canonical_order(offset, left, right)
    n_nodes, total = len(order.left), sum(n_leaves)
    threshold = np.arange(n_cuts, dtype=shape.inputs.dtype)
    zeros = np.zeros(n_cuts)
    predicates = Predicates(
        input=zeros.astype(np.int32),
        test=np.full(n_cuts, Test.LESS, np.uint8),
        threshold=threshold,
        missing=zeros.astype(np.uint8),
        missing_left=zeros.astype(bool),
        category_set=np.full(n_cuts, -1, np.int32),
        invalid_left=zeros.astype(bool),
        set_offset=np.zeros(1, np.int64),
        set_words=np.zeros(0, np.uint32),
        category_cast=shape.predicates.category_cast,
    )
    trees = Trees(
        node_offset=order.node_offset,
        leaf_offset=order.leaf_offset,
        predicate=(np.arange(n_nodes) % n_cuts).astype(np.int32),
        left=order.left,
        right=order.right,
        leaf_row=np.arange(total, dtype=np.int32),
        leaf_id=np.concatenate([np.arange(n) for n in n_leaves]).astype(np.int32),
        column=np.zeros(len(depths), np.int32),
        iteration_offset=np.arange(len(depths) + 1, dtype=np.int32),
    )
    values = np.linspace(-1, 1, total, dtype=shape.leaves.values.dtype).reshape(-1, 1)
    return replace(shape, predicates=predicates, trees=trees, leaves=replace(shape.leaves, values=values)).check()


def _chain(n_leaves: int, *, side: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Children of a chain: the left one is a leaf, the right one goes on; -1 for leaves."""
    child = np.full(2 * n_leaves - 1, -1, np.int64)
    child[0 : 2 * n_leaves - 2 : 2] = np.arange(0, 2 * n_leaves - 2, 2) + 1 + side
    return child


@cache
def hard_forest(name: str) -> Forest:
    """Forests that some plans do not suit: see the test."""
    match name:
        case "no counts":
            return build(Shape(n_trees=3, leaves=5))
        case "many thresholds":
            return comb((8, 9, 300), 310)
        case "deep":
            return comb((60,), 7)
        case "many leaves":
            return comb((5000,), 5)
        case "many nodes":
            return comb((9000,), 5)
        case "many depths":
            return comb(tuple(range(1, 15)), 5)
        case _:
            return build(Shape(n_trees=3, leaves=4, n_inputs=3, categorical=2, tables=2))


BLOCKS = "split row into=(block, row) by=4\norder block, tree, row\n"
RANKED = "split row into=(block, row) by=4\nrank features at=block to=u8\n"
REFUSED = [
    ("no counts", "swap children\nlayout packed\nwalk with=scalar\n", 1, "counts"),
    ("no counts", "tile nodes size=2 shape=probability\nlayout sparse\nwalk with=tile\n", 1, "counts"),
    ("many thresholds", RANKED + "layout pairs\nwalk with=scalar\n", 2, "u8"),
    ("deep", "layout array\nwalk with=tile\n", 1, "MiB"),
    ("no counts", "tile nodes size=8\nlayout sparse feature=u32\nwalk with=tile\n", 2, "a tile needs .* bits"),
    ("deep", "pad trees\nlayout packed\nwalk with=scalar\n", 1, "leaves"),
    ("many leaves", RANKED + "predicates at=block\norder block, tree, row\nwalk with=bitslice\n", 5, "leaves"),
    ("many leaves", "layout packed\nwalk with=gemm\n", 2, "more than the 128 that a gemm counts for"),
    ("many depths", "layout packed\nfission tree by=depth\nwalk with=scalar\n", 2, "limit"),
    ("many depths", "specialize tree limit=3\nwalk with=branch\n", 1, "limit"),
    ("many nodes", "specialize tree\nwalk with=branch\n", 2, "9,000 nodes"),
    ("tables", "layout packed\norder tree, row\nwalk with=scalar\n", 3, "value tables"),
    ("tables", "layout packed\ncache rows at=row\nwalk with=scalar\n", 2, "value tables"),
    ("deep", "layout packed\nunroll tree by=300\nwalk with=scalar\n", 2, "256 times"),
    ("deep", BLOCKS.replace("4", "99999999") + "reorder trees by=size\n", 3, "about the trees"),
    (
        "deep",
        "split row into=(block, row) by=2147483647\nrank features at=block to=u32\nlayout pairs\nwalk with=scalar\n",
        4,
        "MiB",
    ),
]


@pytest.mark.parametrize(("name", "text", "line", "reason"), REFUSED)
def test_a_plan_that_does_not_suit_the_model_is_refused_at_its_line(name: str, text: str, line: int, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason) as caught:
        lowered(hard_forest(name), Schedule.from_text(text, FILE))
    assert_located(caught.value, text)
    assert (caught.value.place or "").startswith(f"{FILE}:{line}:")


@settings(max_examples=settings().max_examples)
@given(
    name=st.sampled_from(("no counts", "many thresholds", "deep", "many depths", "tables")),
    schedule=schedules(),
    seed=st.integers(0, 1000),
)
def test_a_hard_model_is_answered_or_its_plan_is_refused(name: str, schedule: Schedule, seed: int) -> None:
    answer(hard_forest(name), schedule.to_text(), seed, n=2)


def test_a_plan_of_a_kernel_block_is_refused_at_its_own_walk() -> None:
    text = "layout packed\nkernel when rows <= 4 {\n  order tree, row\n  walk with=scalar\n}\nwalk with=scalar\n"
    with pytest.raises(ScheduleError, match="value tables") as caught:
        lowered(hard_forest("tables"), Schedule.from_text(text, FILE))
    assert caught.value.place == f"{FILE}:4:3"
