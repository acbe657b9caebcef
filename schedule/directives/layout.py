"""The directive about how trees lie in memory."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Number, argument
from treec.schedule.base import Directive, Stage, directive


@directive
class Layout(Directive):
    """Says how nodes lie in memory. `packed`: one record per inner node, all of one size, trees one after the other.
    `pairs`: one per node and leaf, siblings side by side, leaves pointing at themselves.

    Needs: a place before `walk`; `pairs` needs `rank features` before it, and keeps predicates inline.

    Pays: `pairs` with interleaved walks: a step has a third of the instructions, for twice as many
    records. `predicates=inline` has all that a step needs in one record, mostly one cache line; `predicates=table` has
    smaller records and one more load per step. A small `align` saves memory; a larger one lets a record be read with
    aligned loads.
    """

    keyword: ClassVar[str] = "layout"
    pass_name: ClassVar[str] = "layout"
    stage: ClassVar[Stage] = Stage.PLAN

    kind: str = argument(Choice(("packed", "pairs")), "arrangement of the nodes", positional=True)
    predicates: str = argument(
        Choice(("inline", "table")),
        "`inline`: threshold and feature are in the node; `table`: the node holds a predicate id",
        default="inline",
    )
    align: int = argument(
        Number(values=(1, 4, 8)),
        "the size of a node record is rounded up to a multiple of that many bytes",
        default=4,
    )
