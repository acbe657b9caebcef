"""A tree as SVG, from left to right: labels stay horizontal and legible, whatever the depth."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from treec.tools.dump.drawing import Drawing, DrawnNode

WIDTH = 1340
ROW = 19
LINE = 13
CHARACTER = 6.63
"""Advance of a character of the 11 px monospace font."""
PADDING = 7
GAP = 34
AT = ' class="at"'
MIN_CHARACTERS = 9
STRIP = 26


@dataclass(frozen=True)
class _Placed:
    node: DrawnNode
    depth: int
    y: float
    parent: _Placed | None = None
    branch: int = 0


def svg_of(drawing: Drawing) -> str:
    """A self-contained ``svg`` element of `WIDTH` px or less; colours come from the page's classes."""
    placed: list[_Placed] = []
    rows = _place(drawing.root, 0, 0.0, placed, None, 0)[1]
    depth = max(p.depth for p in placed)
    columns = _columns(placed, depth)
    top = STRIP + 12 if drawing.memory else 4
    height = top + rows * ROW + 4
    parts = [_strip(drawing)] if drawing.memory else []
    edges = [p for p in placed if p.parent is not None]
    edges.sort(key=lambda p: p.parent is not None and p.parent.node.missing == p.branch)  # the coloured ones on top
    parts += [_edge(p, columns, top) for p in edges]
    parts += [_label(p, columns, top) for p in placed]
    width = min(WIDTH, int(columns[-1][0] + columns[-1][1] + 4))
    if drawing.memory:
        width = WIDTH
    return (
        f'<svg class="tree" width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}" role="img" '
        f'aria-label="{escape(drawing.title)}">{"".join(parts)}</svg>'
    )


def _place(
    node: DrawnNode, depth: int, row: float, out: list[_Placed], parent: int | None, branch: int
) -> tuple[float, float]:
    """Place a subtree from ``row`` on; returns its own row and the next free one."""
    if not node.children:
        out.append(_Placed(node, depth, row))
        return row, row + 1
    index = len(out)
    out.append(_Placed(node, depth, row))
    middles: list[float] = []
    below: list[tuple[int, int]] = []
    for number, child in enumerate(node.children):
        below.append((len(out), number))
        middle, row = _place(child, depth + 1, row, out, index, number)
        middles.append(middle)
    placed = _Placed(node, depth, (middles[0] + middles[-1]) / 2)
    out[index] = placed
    for at, number in below:
        child = out[at]
        out[at] = _Placed(child.node, child.depth, child.y, placed, number)
    return placed.y, row


def _columns(placed: list[_Placed], depth: int) -> list[tuple[float, float, int]]:
    """Left edge, width and characters of the labels at each depth; labels are shortened until all columns fit."""
    wanted = [max(len(line) for p in placed if p.depth == d for line in p.node.lines) for d in range(depth + 1)]
    free = WIDTH - 8 - depth * GAP - 2 * PADDING * (depth + 1)
    most = max(wanted)
    while most > MIN_CHARACTERS and sum(min(most, w) for w in wanted) * CHARACTER > free:
        most -= 1
    columns: list[tuple[float, float, int]] = []
    x = 4.0
    for characters in wanted:
        width = min(most, characters) * CHARACTER + 2 * PADDING
        columns.append((x, width, most))
        x += width + GAP
    return columns


def _label(p: _Placed, columns: list[tuple[float, float, int]], top: float) -> str:
    x, _, most = columns[p.depth]
    y = top + (p.y + 0.5) * ROW
    lines = [_shorten(line, most) for line in p.node.lines]
    width = max(len(line) for line in lines) * CHARACTER + 2 * PADDING
    height = LINE * len(lines) + 4
    texts = "".join(
        f'<text x="{x + PADDING:.1f}" y="{y - height / 2 + 2 + LINE * (i + 0.78):.1f}"'
        f"{AT if len(lines) > 1 and i == 0 else ''}>{escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    box = f'<rect x="{x:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height}" rx="3"/>'
    return f'<g class="{p.node.kind}"><title>{escape(p.node.about)}</title>{box}{texts}</g>'


def _edge(p: _Placed, columns: list[tuple[float, float, int]], top: float) -> str:
    parent = p.parent
    if parent is None:
        return ""
    x, _, most = columns[parent.depth]
    longest = max(len(_shorten(line, most)) for line in parent.node.lines)
    x1, y1 = x + longest * CHARACTER + 2 * PADDING, top + (parent.y + 0.5) * ROW
    x2, y2 = columns[p.depth][0], top + (p.y + 0.5) * ROW
    bend = x2 - GAP / 2
    missing = parent.node.missing == p.branch
    return f'<path class="{"missing" if missing else "edge"}" d="M{x1:.1f} {y1:.1f}H{bend:.1f}V{y2:.1f}H{x2:.1f}"/>'


def _shorten(text: str, most: int) -> str:
    """Cut the feature's name rather than the threshold."""
    if len(text) <= most:
        return text
    head, space, tail = text.partition(" ")
    room = most - len(space) - len(tail) - 1
    if room >= 3:
        return f"{head[: room - room // 2]}…{head[len(head) - room // 2 :]}{space}{tail}"
    return text[: most - 1] + "…"


def _strip(drawing: Drawing) -> str:
    """The records in the order they lie in memory, shaded by depth."""
    n = len(drawing.memory)
    cell = min(12.0, (WIDTH - 310) / max(1, n))
    deepest = max(1, max(drawing.memory))
    cells = "".join(
        f'<rect x="{300 + i * cell:.2f}" y="6" width="{max(0.5, cell - (1 if cell > 3 else 0)):.2f}" height="14" '
        f'fill-opacity="{1 - 0.85 * depth / deepest:.2f}"><title>record {i}, depth {depth}</title></rect>'
        for i, depth in enumerate(drawing.memory[:MAX_CELLS])
    )
    more = f" (first {MAX_CELLS:,})" if n > MAX_CELLS else ""
    return f'<g class="strip"><text x="4" y="17">memory order, dark = near root{more}</text>{cells}</g>'


MAX_CELLS = 1200
