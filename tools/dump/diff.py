"""Two versions of a text side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from html import escape

MAX_PRODUCT = 4_000_000
"""Beyond this many pairs of lines nothing is matched: all of it counts as replaced."""

SIMILAR = 0.65
WEAK = 12
"""Lines of fewer characters say little: ``}``, ``loop.yield``."""

BIG = 8
CONTEXT = 3
MAX_ALONE = 120
"""Lines of a run that one side has alone before the rest is folded."""

_TOKEN = re.compile(r"\w+|\s+|.")


@dataclass(frozen=True)
class Row:
    """A line of each side as HTML, None where a side has none. ``changed`` marks it; ``block`` numbers runs of rows that a
    page may fold, -1 elsewhere: equal ones far from any change, and the rest of long runs that one side has alone."""

    left: str | None
    right: str | None
    changed: bool
    block: int = -1


@dataclass(frozen=True)
class Difference:
    rows: list[Row]
    added: int
    removed: int


def difference(before: Sequence[str], after: Sequence[str]) -> Difference:
    """Match the lines; in similar ones, the words that differ are in ``<mark>``."""
    rows: list[Row] = []
    added = removed = 0
    for tag, i1, i2, j1, j2 in _opcodes(before, after):
        if tag == "equal":
            rows += [Row(escape(line), escape(line), False) for line in before[i1:i2]]
            continue
        removed += i2 - i1
        added += j2 - j1
        rows += _changed(before[i1:i2], after[j1:j2])
    return Difference(_folded(rows), added, removed)


def _opcodes(before: Sequence[str], after: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(before) * len(after) > MAX_PRODUCT:
        return [("replace", 0, len(before), 0, len(after))]
    return _without_chance_matches(SequenceMatcher(None, before, after, autojunk=False).get_opcodes(), before)


def _without_chance_matches(
    codes: Sequence[tuple[str, int, int, int, int]], before: Sequence[str]
) -> list[tuple[str, int, int, int, int]]:
    """Where all is new, a closing brace here and there is the same by chance: that is no reason to line the sides up."""
    out: list[tuple[str, int, int, int, int]] = []
    for number, (tag, i1, i2, j1, j2) in enumerate(codes):
        chance = (
            tag == "equal"
            and 0 < number < len(codes) - 1
            and all(len(line.strip()) < WEAK for line in before[i1:i2])
            and _size(codes[number - 1]) + _size(codes[number + 1]) > BIG * (i2 - i1)
        )
        tag = "replace" if chance else tag
        if out and tag != "equal" and out[-1][0] != "equal":
            out[-1] = ("replace", out[-1][1], i2, out[-1][3], j2)
        else:
            out.append((tag, i1, i2, j1, j2))
    return out


def _size(code: tuple[str, int, int, int, int]) -> int:
    return max(code[2] - code[1], code[4] - code[3])


def _changed(before: Sequence[str], after: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for number in range(max(len(before), len(after))):
        left = before[number] if number < len(before) else None
        right = after[number] if number < len(after) else None
        if left is not None and right is not None:
            rows.append(Row(*_words(left, right), left != right))
        else:
            rows.append(Row(None if left is None else escape(left), None if right is None else escape(right), True))
    return rows


def _words(left: str, right: str) -> tuple[str, str]:
    """Both lines, with the words that differ marked if the lines are alike."""
    a, b = _TOKEN.findall(left), _TOKEN.findall(right)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.quick_ratio() < SIMILAR or matcher.ratio() < SIMILAR:
        return escape(left), escape(right)
    out_left: list[str] = []
    out_right: list[str] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        for out, tokens in ((out_left, a[i1:i2]), (out_right, b[j1:j2])):
            text = escape("".join(tokens))
            out.append(f"<mark>{text}</mark>" if tag != "equal" and text.strip() else text)
    return "".join(out_left), "".join(out_right)


def _folded(rows: list[Row]) -> list[Row]:
    """Number the runs of rows that need not be seen at once, if they are worth folding."""
    hidden = _dull(rows)
    out: list[Row] = []
    block = at = 0
    while at < len(rows):
        end = at + 1
        while end < len(rows) and hidden[end] == hidden[at] and rows[end].changed == rows[at].changed:
            end += 1
        fold = hidden[at] and end - at > CONTEXT
        out += [replace(row, block=block) for row in rows[at:end]] if fold else rows[at:end]
        block += fold
        at = end
    return out


def _dull(rows: list[Row]) -> list[bool]:
    """Rows that need not be seen: equal and far from any change, or deep inside what one side has alone."""
    dull = [True] * len(rows)
    alone = 0
    for at, row in enumerate(rows):
        alone = alone + 1 if row.changed and None in (row.left, row.right) else 0
        if row.changed and alone <= MAX_ALONE:
            for close in range(max(0, at - CONTEXT), min(len(rows), at + CONTEXT + 1)):
                dull[close] = False
    return dull
