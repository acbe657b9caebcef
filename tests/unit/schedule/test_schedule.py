"""What a schedule is: its directives as data, its canonical text, its digest, its loops."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys

import pytest

from treec.errors import ScheduleError
from treec.schedule.check import Axis
from treec.schedule.directives import (
    DIRECTIVES,
    AnswerPredicates,
    BindLoop,
    CacheNodes,
    CacheRows,
    FissionLoop,
    FloatPolicy,
    FuseLoops,
    Layout,
    OrderLoops,
    PadTrees,
    ParallelLoop,
    PrefetchRows,
    RankFeatures,
    ReduceLoop,
    ReorderTrees,
    ShareLeaves,
    SharePredicates,
    SpecializeLoop,
    SplitLoop,
    SwapChildren,
    TargetCpu,
    TargetGpu,
    TileNodes,
    UnrollLoop,
    VectorizeLoop,
    Walk,
)
from treec.schedule.kernel import KernelWhen
from treec.schedule.place import SourcePlace
from treec.schedule.schedule import Schedule

TEXT = """\
# all directives of the language
target cpu input=f32 level=x86-64-v3
share predicates
share leaves

swap children
pad trees limit=9
split row into=( block,row ) by = 64   # spaces do not count
rank features to=u16 at=block
layout packed align=8 predicates=table
order block ,tree,row
fission tree limit=3
walk with=scalar
parallel block
"""

CANONICAL = """\
target cpu level=x86-64-v3 input=f32
share predicates
share leaves
swap children
pad trees to=tree limit=9
split row into=(block, row) by=64
rank features at=block to=u16
layout packed predicates=table align=8
order block, tree, row
fission tree by=depth limit=3
walk with=scalar
parallel block
"""

ELSEWHERE = {
    PrefetchRows,
    AnswerPredicates,
    CacheNodes,
    CacheRows,
    FloatPolicy,
    FuseLoops,
    KernelWhen,
    ReduceLoop,
    ReorderTrees,
    SpecializeLoop,
    TileNodes,
    UnrollLoop,
    VectorizeLoop,
    TargetGpu,
    BindLoop,
}
"""See test_kernels.py, test_loops.py and the tests of their passes."""

DATA = (
    TargetCpu(level="x86-64-v3", input="f32"),
    SharePredicates(),
    ShareLeaves(),
    SwapChildren(),
    PadTrees(to="tree", limit=9),
    SplitLoop("row", into=("block", "row"), by=64),
    RankFeatures(at="block", to="u16"),
    Layout("packed", predicates="table", align=8),
    OrderLoops(("block", "tree", "row")),
    FissionLoop("tree", by="depth", limit=3),
    Walk("scalar"),
    ParallelLoop("block"),
)


def test_text_becomes_directives() -> None:
    assert Schedule.from_text(TEXT).directives == DATA


def test_every_directive_of_the_language_is_in_this_test() -> None:
    assert {type(d) for d in DATA} == set(DIRECTIVES.values()) - ELSEWHERE


def test_canonical_text_has_every_argument_and_no_comment() -> None:
    assert Schedule.from_text(TEXT).to_text() == CANONICAL
    assert Schedule.from_text("layout packed\nwalk with=scalar").to_text() == (
        "layout packed predicates=inline align=4\nwalk with=scalar\n"
    )


def test_crlf_and_missing_last_newline_read_the_same() -> None:
    assert Schedule.from_text(TEXT.replace("\n", "\r\n").rstrip()) == Schedule.from_text(TEXT)


def test_digest_is_that_of_the_canonical_text() -> None:
    digest = Schedule.from_text(TEXT).digest()
    assert digest == hashlib.sha256(CANONICAL.encode()).hexdigest()
    assert digest == Schedule(DATA).digest()
    assert digest != Schedule.from_text(TEXT.replace("by = 64", "by = 65")).digest()


def test_places_are_kept_and_do_not_count_for_equality() -> None:
    split = Schedule.from_text(TEXT, "a.sched").directives[5]
    assert split.place == SourcePlace(
        "a.sched",
        8,
        1,
        "split row into=( block,row ) by = 64",
        (("loop", (7,)), ("into=", (11,)), ("into", (18, 24)), ("by=", (30,)), ("by", (35,))),
    )
    assert str(split.place) == "a.sched:8:1"
    assert split == DATA[5]
    assert hash(split) == hash(DATA[5])


WALK = {
    "strategy": "scalar",
    "interleave": "none",
    "peel": 0,
    "unroll": "none",
    "leaf": "auto",
    "word": 0,
    "trees": 0,
    "multiplex": "auto",
    "lookup": "auto",
}


def test_one_directive_is_one_pass_with_plain_options() -> None:
    assert [(d.pass_name, d.pass_args()) for d in Schedule(DATA)] == [
        ("set-target", {"level": "x86-64-v3", "input": "f32"}),
        ("share-predicates", {}),
        ("share-leaves", {}),
        ("swap-children", {}),
        ("pad-trees", {"to": "tree", "limit": 9}),
        ("split-loop", {"loop": "row", "into": ("block", "row"), "by": 64}),
        ("rank-features", {"at": "block", "to": "u16"}),
        (
            "layout",
            {"kind": "packed", "predicates": "table", "align": 8}
            | dict.fromkeys(("threshold", "feature", "child"), "auto"),
        ),
        ("order-loops", {"loops": ("block", "tree", "row")}),
        ("fission-loop", {"loop": "tree", "by": "depth", "limit": 3}),
        (
            "walk",
            {
                "strategy": "scalar",
                "interleave": "none",
                "peel": 0,
                "unroll": "none",
                "leaf": "auto",
                "word": 0,
                "trees": 0,
                "multiplex": "auto",
                "lookup": "auto",
                "slice": 0,
            },
        ),
        ("parallel-loop", {"loop": "block"}),
    ]


def test_scope_has_the_final_nest() -> None:
    scope = Schedule.from_text(TEXT).scope()
    assert list(scope.loops.items()) == [("block", Axis.ROW), ("tree", Axis.TREE), ("row", Axis.ROW)]
    assert str(Schedule.from_text(TEXT.replace("order block ,tree,row\n", "")).scope()) == "block, row, tree"


def test_loops_can_be_split_again_and_names_used_again() -> None:
    text = """
        layout packed
        split row into=(big, row) by=4096
        split row into=(block, row) by=64
        split tree into=(group, tree) by=16
        order big, group, block, tree, row
        split big into=(row_group, big) by=2
        walk with=scalar
        parallel row_group
    """
    assert str(Schedule.from_text(text).scope()) == "row_group, big, group, block, tree, row"


def test_directives_are_frozen_and_check_their_values() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DATA[8].loop = "row"  # type: ignore[attr-defined]
    with pytest.raises(ScheduleError, match="`by` must be a whole number from 1") as caught:
        SplitLoop("row", into=("a", "b"), by=True)
    assert caught.value.fix == "write `split LOOP into=(OUTER, INNER) by=N`"
    assert SplitLoop("row", into=["a", "b"], by=2).into == ("a", "b")  # type: ignore[arg-type]


def test_target_line_can_be_overridden_and_is_added_where_it_is_missing() -> None:
    plain = Schedule.from_text("layout packed\nwalk with=scalar")
    assert plain.target == TargetCpu(level="native", input="any")
    assert plain.with_target(level="x86-64-v2").to_text().startswith("target cpu level=x86-64-v2 input=any\nlayout")
    full = Schedule(DATA)
    assert full.with_target(input="f64").check().directives == (TargetCpu(level="x86-64-v3", input="f64"), *DATA[1:])
    with pytest.raises(ScheduleError, match="`level` must be one of native"):
        full.with_target(level="x86")


def test_an_error_of_a_pass_gets_the_line() -> None:
    walk = Schedule.from_text(TEXT, "a.sched").directives[10]
    error = walk.locate(ScheduleError("too deep", fix="prune"))
    assert str(error) == "a.sched:13:1: too deep (in `walk with=scalar`)\n  fix: prune"
    assert walk.locate(error) is error
    assert str(DATA[10].locate(ScheduleError("too deep"))) == "too deep (in `walk with=scalar`)"


def test_the_language_needs_no_numpy_and_no_xdsl() -> None:
    modules = "parse, print, json_form, builder, check, library, reference, schedule"
    code = f"import sys; from treec.schedule import {modules}; sys.exit('numpy' in sys.modules or 'xdsl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
