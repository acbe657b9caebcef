"""Every error of the language: its exact place, what it says, and the fix it offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from treec.errors import ScheduleError, UsageError
from treec.schedule.arguments import LARGEST
from treec.schedule.schedule import MAX_BYTES, Schedule

PLAN = """\
target cpu
layout packed
split row into=(block, row) by=64
order block, tree, row
walk with=scalar
parallel block
"""


def failure(text: str) -> ScheduleError:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(text, "plan.sched")
    return caught.value


def with_line(number: int, line: str) -> str:
    """PLAN with one line exchanged; line 7 is added at its end."""
    lines: list[str] = [*PLAN.splitlines()]
    return "\n".join([*lines[: number - 1], line, *lines[number:]])


# line, its new text, column of the error, part of the message, part of the fix
LINES = [
    # words and values
    (1, "target cpu level=natve", 18, "`level` must be one of native, x86-64-v2", "did you mean `native`?"),
    (1, "target cpu input=f16", 18, "`input` must be one of f32, f64, any, not `f16`", "did you mean `f64`?"),
    (1, "target cpu level=3", 18, "`level` must be one of native", "write `target cpu [level=native|"),
    (
        1,
        "target cpu levl=native",
        12,
        "`target cpu` has no argument `levl`; it has `level`, `input`",
        "did you mean `level`?",
    ),
    (1, "target gqu arch=sm_90", 1, "unknown directive `target gqu`", "did you mean `target gpu`?"),
    (1, "target cpu level=native level=native", 25, "`level` is given twice", "keep one"),
    (1, "target cpu native", 12, "`native` does not belong here", "write `target cpu [level="),
    (1, "share predicate", 1, "unknown directive `share predicate`", "did you mean `share predicates`?"),
    (1, "share leafs", 1, "unknown directive `share leafs`", "did you mean `share leaves`?"),
    (1, "share predicates of=row", 18, "has no argument `of`; it has none", "write `share predicates`"),
    (
        1,
        "64 target",
        1,
        "begins with its name, not with `64`",
        "the directives are target cpu, target gpu, float, share predicates",
    ),
    (2, "layuot packed", 1, "unknown directive `layuot`", "did you mean `layout`?"),
    (2, "  Layout packed", 3, "unknown directive `Layout`", "did you mean `layout`?"),
    (2, "cut nodes size=8", 1, "unknown directive `cut`", "the directives are target cpu"),
    (2, "layout", 7, "`layout` needs `kind`", "write `layout packed|pairs|reorg|sparse|array [predicates=inline|table]"),
    (2, "layout pair", 8, "`kind` must be one of packed, pairs, reorg, sparse, array, not `pair`", "did you mean `pairs`?"),
    (2, "layout kind=packed", 8, "`kind` is written without its name", "write `layout packed"),
    (2, "layout packed predicates=tabel", 26, "`predicates` must be one of inline, table", "did you mean `table`?"),
    (2, "layout packed align=3", 21, "`align` must be one of 1, 4, 8, 16, 32, 64, not `3`", "align=1|4|8"),
    (2, "layout packed align=(4)", 22, "`align` must be one of 1, 4, 8, 16, 32, 64, not `(4)`", "align=1|4|8"),
    (2, "layout packed align=", 21, "a value for `align` is missing before the end of the line", "a value is a word"),
    (2, "layout packed align==4", 21, "a value for `align` is missing before `=`", "a value is a word"),
    (2, "layout packed; align=4", 14, "unexpected character ';'", "put `#` before a comment"),
    (2, "layout\u00a0packed", 7, "unexpected character '\\xa0'", "remove it"),
    (3, "split row into=(block, row)", 28, "`split` needs `by`", "write `split LOOP into=(OUTER, INNER) by=N`"),
    (3, "split row", 10, "`split` needs `into` and `by`", "write `split LOOP"),
    (3, "split row into=(block, row) by=0", 32, f"`by` must be a whole number from 1 to {LARGEST}, not `0`", "by=N"),
    (3, "split row into=(block, row) by=-64", 32, "not `-64`", "by=N"),
    (3, "split row into=(block, row) by=2147483648", 32, "not `2147483648`", "by=N"),
    (3, "split row into=(block, row) by=" + "9" * 5000, 32, "is too large", str(LARGEST)),
    (3, "split row into=(block, row) by=64k", 32, "`64k` is not a whole number", "digits only"),
    (3, "split row into=(block, row) by=6.5", 32, "must be a whole number from 1 to 2147483647, not `6.5`", "by=N"),
    (3, "split row into=(block, row) by=6.5.1", 32, "`6.5.1` is not a whole number", "digits only"),
    (3, "split row into=(block, row) by=many", 32, "not `many`", "by=N"),
    (3, "split row into=block by=64", 16, "`into` must be 2 loop names in parentheses, not `block`", "(OUTER, INNER)"),
    (3, "split row into=(block) by=64", 17, "`into` must be 2 loop names in parentheses, not 1", "(OUTER, INNER)"),
    (3, "split row into=() by=64", 16, "`into` must be 2 loop names in parentheses, not 0", "(OUTER, INNER)"),
    (3, "split row into=(a, b, c) by=64", 17, "not 3", "(OUTER, INNER)"),
    (3, "split row into=(block, 7) by=64", 24, "`into` must be a loop name, not `7`", "letters, digits and underscores"),
    (3, "split row into=(block, a-b) by=64", 24, "must be a loop name, not `a-b`", "letters, digits and underscores"),
    (3, "split row into=(block, row by=64", 28, "`(` is not closed", "write `)` or `,`"),
    (3, "split row into=(block, row", 27, "`(` is not closed", "write `)` or `,`"),
    (3, "split row into=(block,) by=64", 23, "a value after `,` is missing before `)`", "a value is a word"),
    (3, "split into=(block, row) row by=64", 25, "`row` does not belong here", "write `split LOOP"),
    (4, "order block tree row", 13, "`tree` does not belong here", "put `,` between the values"),
    (4, "order block, tree,", 19, "a value after `,` is missing before the end", "a value is a word"),
    (4, "order", 6, "`order` needs `loops`", "write `order LOOP, LOOP, …`"),
    (4, "order (block, tree, row)", 7, "a value for `loops` is missing before `(`", "a value is a word"),
    (5, "walk scalar", 6, "`scalar` does not belong here", "write `walk with=scalar"),
    (5, "walk", 5, "`walk` needs `with`", "write `walk with=scalar"),
    (5, "walk with=scaler", 11, "`with` must be one of scalar", "did you mean `scalar`?"),
    (6, "parallel block, row", 15, "`,` does not belong here", "write `parallel LOOP`"),
    # order of the directives
    (2, "target cpu", 1, "`target cpu` is already given by line 1", "keep one of the two"),
    (3, "layout packed", 1, "`layout` is already given by line 2", "keep one of the two"),
    (6, "walk with=scalar", 1, "`walk` is already given by line 5", "keep one of the two"),
    (7, "parallel block", 1, "`parallel` is already given by line 6", "keep one of the two"),
    (3, "share leaves", 1, "is about the trees and comes before everything about loops and layout", "above line 2"),
    (
        6,
        "split tree into=(a, b) by=2",
        1,
        "`split` changes the loop nest, which is finished at line 5",
        "`walk with=scalar`",
    ),
    (6, "order block, tree, row", 1, "`order` changes the loop nest, which is finished at line 5", "`walk with=scalar`"),
    # names of loops
    (
        3,
        "split rwo into=(block, row) by=64",
        7,
        "there is no loop `rwo`",
        "did you mean `row`? the loops here are row, tree",
    ),
    (3, "split row into=(tree, row) by=64", 17, "there is already a loop `tree`", "choose another name"),
    (3, "split row into=(block, tree) by=64", 24, "there is already a loop `tree`", "choose another name"),
    (3, "split row into=(row, row) by=64", 22, "both new loops are called `row`", "different names"),
    (4, "order blok, tree, row", 7, "there is no loop `blok`", "did you mean `block`? the loops here are block, row, tree"),
    (4, "order block, tree, block", 20, "loop `block` is named twice", "name each loop once"),
    (4, "order block, tree", 7, "the order leaves out `row`", "name every loop, in the order you want: block, row, tree"),
    (4, "order tree", 7, "the order leaves out `block`, `row`", "block, row, tree"),
    (4, "order row, tree, block", 7, "loop `row` runs inside one step of `block`", "put `block` before `row`"),
    (6, "parallel blocks", 10, "there is no loop `blocks`", "did you mean `block`?"),
    (6, "parallel tree", 10, "loop `tree` runs over trees", "choose a loop over rows: block or row"),
    (6, "parallel row", 10, "loop `row` is not the outermost; the nest is block, tree, row", "put `row` first by `order`"),
]


@pytest.mark.parametrize(("number", "line", "column", "reason", "fix"), LINES, ids=[f"{n} {t[:50]}" for n, t, *_ in LINES])
def test_an_error_names_place_reason_and_fix(number: int, line: str, column: int, reason: str, fix: str) -> None:
    error = failure(with_line(number, line))
    assert error.place == f"plan.sched:{number}:{column}"
    assert reason in error.message
    assert fix in (error.fix or "")
    assert error.directive is not None
    assert error.directive[:40] == line.strip()[:40].replace("\u00a0", "\N{REPLACEMENT CHARACTER}")


# whole schedules: place, part of the message, part of the fix
WHOLE = [
    ("", "plan.sched", "the schedule has no `walk`: nothing says how a tree is walked", "add `walk with=scalar"),
    ("# nothing\n\n", "plan.sched", "the schedule has no `walk`", "add `walk with=scalar"),
    ("layout packed # x\n", "plan.sched:1:14", "the schedule has no `walk`", "add `walk with=scalar"),
    ("walk with=scalar\n", "plan.sched:1:1", "needs a layout of the nodes", "add `layout packed"),
    ("walk with=scalar\nlayout packed", "plan.sched:1:1", "none is given before it", "add `layout packed"),
    ("share leaves\ntarget cpu", "plan.sched:2:1", "`target cpu` is about the target", "move it above line 1"),
    ("share leaves\nshare leaves", "plan.sched:2:1", "`share leaves` is already given by line 1", "keep one"),
    (
        "split row into=(a, b) by=2\nsplit tree into=(row, c) by=2",
        "plan.sched:2:18",
        "`row` is the name of the loop over rows, and this one is over trees",
        "choose another name",
    ),
    (
        "split row into=(a, b) by=2\norder row, tree",
        "plan.sched:2:7",
        "there is no loop `row` any more: line 1 replaced it",
        "the loops here are a, b, tree",
    ),
    (
        "parallel row\nsplit row into=(a, b) by=2",
        "plan.sched:2:7",
        "loop `row` is parallel (line 1)",
        "split it first",
    ),
    (
        "parallel row\norder tree, row",
        "plan.sched:2:7",
        "loop `row` is parallel (line 1) and must stay the outermost",
        "put `row` first",
    ),
    (
        "split row into=(b, row) by=64\nsplit row into=(c, d) by=8\norder d, b, c, tree",
        "plan.sched:3:7",
        "loop `d` runs inside one step of `c`",
        "put `c` before `d`",
    ),
    (
        "split row into=(b, c) by=64\nsplit b into=(b, d) by=8\norder b, c, d, tree",
        "plan.sched:3:10",
        "loop `c` runs inside one step of `d`",
        "put `d` before `c`",
    ),
]


@pytest.mark.parametrize(("text", "place", "reason", "fix"), WHOLE)
def test_a_plan_that_is_not_whole_is_refused(text: str, place: str, reason: str, fix: str) -> None:
    error = failure(text)
    assert error.place == place
    assert reason in error.message
    assert fix in (error.fix or "")


def test_the_message_shows_place_line_and_fix() -> None:
    error = failure(with_line(6, "parallel blok   # threads"))
    assert str(error) == (
        "plan.sched:6:10: there is no loop `blok` (in `parallel blok`)\n"
        "  fix: did you mean `block`? the loops here are block, tree, row"
    )


def test_the_line_counts_with_crlf_blank_lines_comments_and_a_byte_order_mark() -> None:
    error = failure("\ufeff# head\r\n\r\n  \t\r\nlayout packed\r\nwalk with=none\r\n")
    assert error.place == "plan.sched:5:11"


def test_control_characters_do_not_reach_the_terminal() -> None:
    error = failure("walk with=\x1b[2J")
    assert error.place == "plan.sched:1:11"
    assert "\x1b" not in str(error)


def test_a_very_long_line_gives_a_short_message() -> None:
    assert len(str(failure("order " + ", ".join(["row"] * 50_000)))) < 500


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"layout \xff", "1:8"),
        (b"# caf\xc3\xa9\nlayout packed\n# \xe9\n", "3:3"),
        ("# é é".encode() + b"\xc3", "1:6"),
        (b"\xef\xbb\xbf# \xff", "1:3"),
        ("layout packed".encode("utf-16"), "1:1"),
    ],
)
def test_a_file_that_is_not_utf8_is_refused_at_the_byte(tmp_path: Path, data: bytes, place: str) -> None:
    path = tmp_path / "plan.sched"
    path.write_bytes(data)
    with pytest.raises(ScheduleError, match="is not UTF-8") as caught:
        Schedule.from_file(path)
    assert caught.value.place == f"{path}:{place}"
    assert caught.value.fix == "save the file as UTF-8 text"


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sched", tmp_path, Path("a\0b")):
        with pytest.raises(UsageError, match="cannot read the schedule") as caught:
            Schedule.from_file(path)
        assert caught.value.place == str(path)


def test_a_huge_file_is_not_taken_for_a_schedule(tmp_path: Path) -> None:
    path = tmp_path / "plan.sched"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ScheduleError, match="too large for a schedule"):
        Schedule.from_file(path)
