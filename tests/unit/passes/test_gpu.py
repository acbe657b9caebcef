"""What a GPU does not allow is refused with its line, and by how much it is too much."""

from __future__ import annotations

import re

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from tests.property.forests import Shape, build
from treec.errors import ScheduleError
from treec.passes.loop import forest_parts
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module

FOREST = build(Shape(n_trees=9, n_inputs=28))
BOUND = "bind block grid.x\nbind thread block.x\n"
LANES = (
    "split tree into=(round, lane) by=2\norder block, part, thread, round, lane\nbind lane block.y\nreduce lane in=shared\n"
    "cache rows at=block in=shared\n"
)


def lower(text: str) -> ModuleOp:
    module = forest_module(FOREST)
    run_pipeline(module, pipeline_of(Schedule.from_text("target gpu arch=sm_90 input=f32\n" + text)))
    return module


def split(by: int, more: str = "") -> str:
    return f"layout packed\nsplit row into=(block, thread) by={by}\n{BOUND}{more}walk with=scalar\n"


def chunks(by: int, more: str = "") -> str:
    """Blocks of more rows than threads."""
    return (
        f"layout packed\nsplit row into=(block, chunk) by={by}\nsplit chunk into=(part, thread) by=400\n{BOUND}"
        f"{more}walk with=scalar\n"
    )


def shared(rows: int, lanes: int, more: str = "") -> str:
    return (
        f"layout packed\nsplit row into=(block, thread) by={rows}\nsplit tree into=(round, lane) by={lanes}\n{BOUND}"
        f"bind lane block.y\nreduce lane in=shared\n{more}walk with=scalar\n"
    )


def test_as_many_threads_and_shared_bytes_as_there_are() -> None:
    lower(split(1024))
    lower(chunks(2003, "cache rows at=block in=shared\n"))  # rows of 29 values, an odd number: 232,348 bytes of 227 KiB


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        (split(1025), "block.x would have 1025 threads, 1 more than the 1024 of sm_90", 5),
        (
            chunks(2004, "cache rows at=block in=shared\n"),
            "232464 bytes, 16 more than the 232448 bytes of shared memory",
            7,
        ),
        (split(64, "cache rows at=thread in=shared\n"), "`thread` is inside of `thread`, which threads share", 6),
        (
            "layout packed\nsplit row into=(block, b) by=2048\nsplit b into=(thread, c) by=32\nbind block grid.x\n"
            "bind thread block.x\nbind c block.y\nwalk with=scalar\n",
            "64 x 32 = 2048 threads, 1024 more than the 1024 of sm_90",
            7,
        ),
        (
            "layout packed\nsplit row into=(block, b) by=65536\nsplit b into=(thread, c) by=1\nbind block grid.x\n"
            "bind thread grid.y\nbind c block.x\nwalk with=scalar\n",
            "grid.y would have 65536 blocks, 1 more than the 65535 of sm_90",
            6,
        ),
        (
            "layout packed\nsplit row into=(b, t) by=64\nbind b grid.y\nbind t block.x\nwalk with=scalar\n",
            "into grid.x alone",
            4,
        ),
        (shared(64, 32), "64 x 32 = 2048 threads, 1024 more than the 1024 of sm_90", 7),
        (chunks(2000, LANES), "232,000 + 3,200 + 1,600 = 236,800 bytes", None),
        (chunks(2000, LANES), "4,352 more than the 232,448 of sm_90", None),
        (shared(1024, 1, "unroll round by=2\n"), "loop `round` is unrolled, and threads share its trees", None),
        (
            chunks(2004, "cache nodes at=block in=shared\ncache rows at=block in=shared\n"),
            "bytes of shared memory that a block has",
            None,
        ),
        (
            "layout packed\nsplit row into=(block, b) by=2048\nsplit b into=(part, thread) by=32\nbind block grid.x\n"
            "bind part grid.y\nbind thread block.x\ncache nodes at=part in=shared\nwalk with=scalar\n",
            "the loops that blocks share are `block` and `part`",
            None,
        ),
        (
            "layout packed\nsplit row into=(block, row) by=8\nsplit tree into=(round, lane) by=4\n"
            "order block, round, lane, row\nbind block grid.x\nbind lane block.x\nreduce lane in=shuffle\n"
            "walk with=scalar\n",
            "the lanes of `lane` read one another's registers, and have one row together",
            None,
        ),
        ("reorder trees by=size\n" + shared(8, 2), "trees are stored in another order", None),
        ("fission tree by=depth\n" + shared(8, 2), "cut into parts", None),
        (
            "reorder trees by=size\nlayout packed\nsplit row into=(b, c) by=8192\nsplit c into=(t, row) by=1024\n"
            "bind b grid.x\nbind t block.x\norder b, t, tree, row\nwalk with=scalar\n",
            "bytes of memory of its own",
            None,
        ),
    ],
)
def test_too_much_is_refused(text: str, reason: str, line: int | None) -> None:
    with pytest.raises(ScheduleError) as caught:
        lower(text)
    assert reason in caught.value.message
    assert caught.value.fix is not None
    if line is not None:
        assert caught.value.place == f"<schedule>:{line}:1"


def bits(by: int = 32, group: int = 2, *, more: str = "", bind: str = "bind row block.x\n", walk: str = "") -> str:
    return (
        f"split row into=(block, row) by={by}\nsplit tree into=(group, tree) by={group}\norder block, group, tree, row\n"
        f"rank features at=block to=u8\npredicates at=block\nbind block grid.x\n{bind}{more}walk with=bitslice{walk}\n"
    )


def test_bits_take_what_shared_memory_there_is() -> None:
    lower(bits(1024))
    lower(bits(1000, 40))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (bits(64, 4000), r"the codes of 4000 trees, are \d+ bytes, \d+ more than the 232448 bytes of shared memory"),
        (bits(walk=" word=64"), "a word of a GPU has 32 rows, not 64"),
        (bits(walk=" lookup=permute"), "registers of a GPU's thread are no tables"),
        (bits(more="unroll tree by=2\n"), "threads share the trees of `tree`, and it is unrolled"),
        (bits(more="fission group by=depth\n"), "`group` is cut into parts"),
        ("reorder trees by=depth\n" + bits(), "a GPU's bitslice adds them as they lie"),
        (
            "layout packed\nsplit row into=(block, row) by=32\norder block, tree, row\nbind block grid.x\n"
            "bind row block.x\nwalk with=scalar\n",
            "`row` is inside of `tree`",
        ),
        (
            "split row into=(block, row) by=32\nrank features at=block to=u8\nlayout packed\nbind block grid.x\n"
            "bind row block.x\nwalk with=scalar\n",
            "on a GPU ranks are for a bitslice alone",
        ),
    ],
)
def test_bits_that_threads_cannot_share_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason) as caught:
        lower(text)
    assert caught.value.fix


def test_the_fix_says_how_many_rows_there_is_room_for() -> None:
    with pytest.raises(ScheduleError) as caught:
        lower(bits(1024, 300))
    assert re.search(r"at most \d+ rows", caught.value.fix or "")
    most = int(re.findall(r"\d+", caught.value.fix or "")[0])
    lower(bits(most, 300))
    with pytest.raises(ScheduleError):
        lower(bits(most + 1, 300))


def test_nodes_that_do_not_fit_are_refused_by_how_many_bytes_they_are_too_many() -> None:
    forest = build(Shape(n_trees=100, leaves=600, n_inputs=6))
    lines = split(64, "cache nodes at=block in=shared\n").replace("layout packed", "layout packed align=8")
    module = forest_module(forest)
    nodes = int(forest.trees.n_nodes)  # type: ignore[union-attr]
    assert nodes * 8 > 227 * 1024
    with pytest.raises(ScheduleError) as caught:
        run_pipeline(module, pipeline_of(Schedule.from_text("target gpu arch=sm_90 input=f32\n" + lines)))
    size = (nodes + 1) * 8
    assert f"{nodes:,} nodes are {size:,} bytes, {size - 232448:,} more than the 232,448 bytes" in caught.value.message
    assert caught.value.place == "<schedule>:6:1"


def parts(by: int, more: str = "", walk: str = "walk with=scalar\n") -> str:
    return (
        f"layout packed align=8\nsplit tree into=(part, tree) by={by}\nsplit row into=(block, thread) by=64\n"
        f"order part, block, thread, tree\nbind part grid.y\n{BOUND}{more}reduce part in=staged\n{walk}"
    )


def test_groups_that_do_not_fit_are_refused_with_how_many_trees_do() -> None:
    forest = build(Shape(n_trees=100, leaves=600, n_inputs=6))
    head = "target gpu arch=sm_90 input=f32\n"
    base = np.append(0, np.cumsum(np.diff(forest.trees.node_offset)))  # type: ignore[union-attr]

    def size(by: int) -> int:
        return max((int(base[min(at + by, 100)]) - int(base[at]) + 1) * 8 for at in range(0, 100, by))

    assert size(100) > 227 * 1024
    with pytest.raises(ScheduleError) as caught:
        run_pipeline(
            forest_module(forest), pipeline_of(Schedule.from_text(head + parts(100, "cache nodes at=part in=shared\n")))
        )
    assert (
        f"of the trees 0 to 99 are {size(100):,} bytes, {size(100) - 232448:,} more than the 232,448 bytes"
        in caught.value.message
    )
    assert caught.value.place == "<schedule>:9:1"
    most = int(re.findall(r"at most (\d+) trees", caught.value.fix or "")[0])
    assert size(most) <= 232448 < size(most + 1)
    run_pipeline(
        forest_module(forest), pipeline_of(Schedule.from_text(head + parts(most, "cache nodes at=part in=shared\n")))
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (parts(4).replace("grid.y", "grid.x").replace("bind block grid.x", "bind block grid.y"), "into grid.x alone"),
        (
            parts(4).replace("bind part", "fission part by=depth\nbind part"),
            "`part` is cut into parts, and blocks share its groups",
        ),
        (
            "layout packed\nsplit tree into=(part, tree) by=4\nsplit row into=(block, thread) by=64\n"
            "order part, block, thread, tree\nbind part grid.y\n" + BOUND + "cache rows at=block in=shared\n"
            "reduce part in=staged\nwalk with=scalar\n",
            "rows are copied before they meet the first tree",
        ),
    ],
)
def test_groups_of_blocks_have_their_limits(text: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason) as caught:
        lower(text)
    assert caught.value.fix


def test_what_waits_for_the_second_kernel_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest_parts, "LARGEST", 8 * 4)
    with pytest.raises(ScheduleError, match="9 numbers of each row, 36 bytes") as caught:
        lower(parts(4))
    assert "float reassociate" in (caught.value.fix or "")
    lower("float reassociate\n" + parts(4))
