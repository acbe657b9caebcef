"""``index.html``: passes in order, what each changed, and one tree at each level. One file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from treec.tools.dump.assets import SCRIPT, STYLE
from treec.tools.dump.diff import Difference, Row, difference
from treec.tools.dump.drawing import MAX_DEPTH, Drawing
from treec.tools.dump.shorten import readable
from treec.tools.dump.stages import DumpedStage
from treec.tools.dump.svg import svg_of


@dataclass(frozen=True)
class PageFacts:
    """What stands at the top. ``headline``: the model in a line; ``files``: (name, what it is) of the other files."""

    headline: str
    schedule_name: str
    schedule: str
    reasons: Sequence[str]
    tree: int
    cpu_level: str
    seconds: dict[str, float]
    files: Sequence[tuple[str, str]]


def page(stages: Sequence[DumpedStage], facts: PageFacts) -> str:
    """The whole page."""
    blobs = {digest: blob for stage in stages for digest, blob in stage.blobs.items()}
    texts = [readable(stage.text, blobs) for stage in stages]
    changes = [None, *(difference(a, b) for a, b in pairwise(texts))]
    sections = [_section(stages, number, texts[number], changes[number], facts.tree) for number in range(len(stages))]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>treec-dump: {escape(facts.headline[:80])}</title><style>{STYLE}</style></head>\n<body id=top>"
        f"{_header(facts)}<main>{_overview(stages, changes)}{_files(facts)}{''.join(sections)}</main>{FOOTER}"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _header(facts: PageFacts) -> str:
    reasons = "".join(f"\n# {reason}" for reason in facts.reasons)
    times = " · ".join(f"{name} {_time(seconds)}" for name, seconds in facts.seconds.items())
    name, _, rest = facts.headline.partition(": ")
    return (
        f"<header><h1>{escape(name)}</h1><p>{escape(rest)}</p>"
        f'<p class="soft">{escape(times)} · built for {escape(facts.cpu_level)}</p>'
        f"<h3>Schedule: {escape(facts.schedule_name)}</h3>"
        f"<pre>{escape(facts.schedule.rstrip() + reasons)}</pre></header>"
    )


def _overview(stages: Sequence[DumpedStage], changes: Sequence[Difference | None]) -> str:
    slowest = max((stage.seconds for stage in stages), default=0.0) or 1.0
    rows = [
        "<tr><th></th><th>pass</th><th>line of the schedule</th><th class=n>time</th><th></th><th class=n>ops</th>"
        "<th>by dialect</th><th class=n>lines</th></tr>"
    ]
    before = 0
    for stage, change in zip(stages, changes, strict=True):
        lines = "" if change is None else _plus_minus(change.added, change.removed)
        delta = "" if change is None or stage.n_ops == before else f' <span class="soft">({stage.n_ops - before:+,})</span>'
        by_dialect = ", ".join(f"{name} {n:,}" for name, n in stage.ops.items())
        rows.append(
            f'<tr><td class=n>{stage.number:02d}</td><td><a href="#s{stage.number}">{escape(stage.name)}</a></td>'
            f"<td>{_asked(stage)}</td><td class=n>{_time(stage.seconds)}</td>"
            f'<td class=bar><span style="width:{max(1, 100 * stage.seconds / slowest):.0f}%"></span></td>'
            f'<td class=n>{stage.n_ops:,}{delta}</td><td class="soft">{by_dialect}</td><td class=n>{lines}</td></tr>'
        )
        before = stage.n_ops
    return f'<table class="passes">{"".join(rows)}</table>'


def _asked(stage: DumpedStage) -> str:
    if stage.number == 0:
        return '<span class="soft">the model as it was read</span>'
    if stage.asked is None:
        return '<span class="soft">every schedule needs it</span>'
    place = f' <span class="soft">{escape(stage.place)}</span>' if stage.place else ""
    return f'<span class="code">{escape(stage.asked)}</span>{place}'


def _section(stages: Sequence[DumpedStage], number: int, text: Sequence[str], change: Difference | None, tree: int) -> str:
    stage = stages[number]
    previous = stages[number - 1] if number else None
    body = _plain(text) if change is None or previous is None else _diff(change, previous, stage)
    asked = f'<p class="line">{_asked(stage)}</p>' if stage.number else ""
    return (
        f'<section id="s{stage.number}"><div class="head"><h2>{stage.number:02d} {escape(stage.name)}</h2>'
        f'<a class="soft" href="{stage.file_name}">{stage.file_name}</a>'
        '<a class="soft" href="#top">top</a>'
        f'<span class="stats">{_time(stage.seconds)} · {stage.n_ops:,} ops</span></div>{asked}'
        f"<h3>{'The IR' if change is None else 'What changed'}</h3>{body}"
        f"{_drawings(None if previous is None else previous.drawing, stage.drawing, tree)}</section>"
    )


def _plain(text: Sequence[str]) -> str:
    rows = "".join(f"<tr>{_cell(escape(line))}</tr>" for line in text)
    return f'<table class="diff">{rows}</table>'


def _diff(change: Difference, before: DumpedStage, after: DumpedStage) -> str:
    if not change.added and not change.removed:
        return '<p class="soft">Nothing: the IR was this already.</p>'
    head = f"<tr><th>before: {before.file_name}</th><th>after: {after.file_name}</th></tr>"
    rows: list[str] = []
    block = -1
    for row in change.rows:
        if row.block >= 0 and row.block != block:
            count = sum(other.block == row.block for other in change.rows)
            rows.append(f'<tr class="fold" data-fold="{row.block}"><td colspan="2">show {count} unchanged lines</td></tr>')
        block = row.block
        rows.append(_row(row))
    return f'<table class="diff"><tbody>{head}{"".join(rows)}</tbody></table>'


def _row(row: Row) -> str:
    cells = "".join('<td class="none"></td>' if side is None else _cell(side) for side in (row.left, row.right))
    if row.block >= 0:
        return f'<tr class="hidden{" c" if row.changed else ""}" data-block="{row.block}">{cells}</tr>'
    return f'<tr class="c">{cells}</tr>' if row.changed else f"<tr>{cells}</tr>"


def _cell(line: str) -> str:
    """A line whose continuation, where it is too long, stays to the right of its own indentation."""
    code = line.lstrip(" ")
    return f'<td style="--i:{len(line) - len(code)}">{code}</td>'


def _drawings(before: Drawing | None, after: Drawing | None, tree: int) -> str:
    if after is None:
        if before is None:
            return ""
        return (
            f'<p class="soft">Tree {tree} is no op of its own any more: its records are tables, and the walk is code.</p>'
        )
    if before == after:
        return ""
    if before is None:
        return f"{_legend(after)}{_drawing(after, '')}"
    return f'{_legend(after)}<div class="pair">{_drawing(before, "Before: ")}{_drawing(after, "After: ")}</div>'


def _drawing(drawing: Drawing, when: str) -> str:
    title = f"{when}{drawing.title}"
    return f'<figure><h3>{escape(title[:1].upper() + title[1:])}</h3><div class="drawing">{svg_of(drawing)}</div></figure>'


def _legend(drawing: Drawing) -> str:
    records = "<b>@7 +3</b>: record 7 of the tree, its right child is 3 further. " if drawing.memory else ""
    return (
        f'<p class="legend">{records}The upper branch is true. An <b class="m">orange</b> branch also takes missing '
        "values. "
        f"<b>…</b>: below {MAX_DEPTH} levels only counts are shown. Hover for the exact values.</p>"
    )


def _files(facts: PageFacts) -> str:
    files = " · ".join(f'<a href="{escape(name)}">{escape(name)}</a> {escape(what)}' for name, what in facts.files)
    return f'<p class="soft">{files}</p>'


FOOTER = (
    "<footer>Arrays are shown as ⟨dtype[shape] range @digest⟩; the numbers are in <code>blobs/</code>. Each .mlir file can "
    "be read by <code>tree-opt</code>; its head names the passes that follow.</footer>"
)


def _plus_minus(added: int, removed: int) -> str:
    if not added and not removed:
        return '<span class="soft">0</span>'
    return f'<span class="plus">+{added:,}</span> <span class="minus">&minus;{removed:,}</span>'


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"
