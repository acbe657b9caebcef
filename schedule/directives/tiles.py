"""The directive about nodes that are evaluated together."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Number, Share, Value, argument
from treec.schedule.base import Directive, Stage, directive

LARGEST_TILE = 16


@directive
class TileNodes(Directive):
    """Divides each tree into tiles: up to `size` nodes that hang together, and whose questions a walk asks all at once.
    `uniform`: the first nodes in level order below the tile's root. `probability`: the likeliest next, in trees where few
    leaves (a share `alpha`) have most of the rows (a share `beta`), and as `uniform` in others; `alpha=1` takes the
    likeliest in all trees. `hybrid`: the likeliest next where a share `above` of the rows comes by, and as `uniform`
    elsewhere.

    Needs: a `layout sparse` or `layout array`, and `walk with=tile`. `probability` and `hybrid` need counts of rows by
    node: the model's own (XGBoost's cover, LightGBM's and scikit-learn's counts), or a profile's (`--profile rows.npy`).

    Pays: where a CPU gathers fast. There are fewer steps, one after the other, but each asks all nodes of a tile, of which
    a row needs few. Where it was measured (AVX-512 with slow gathers), a walk alone had from 0.6 to 1.2 times the speed of
    the scalar one, and interleaved walks of tiles were slower than those of nodes. Sizes 3, 7 and 15 are whole levels of a
    full tree.
    """

    keyword: ClassVar[str] = "tile nodes"
    pass_name: ClassVar[str] = "tile-nodes"
    stage: ClassVar[Stage] = Stage.FOREST

    size: int = argument(Number(values=tuple(range(1, LARGEST_TILE + 1))), "the most nodes of a tile")
    shape: str = argument(Choice(("uniform", "probability", "hybrid")), "which nodes a tile takes", default="uniform")
    alpha: str = argument(
        Share(), "for `probability`: leaf-biased is a tree where so many of the leaves", default="0.075", quiet=True
    )
    beta: str = argument(Share(), "have so many of the rows", default="0.9", quiet=True)
    above: str = argument(Share(), "for `hybrid`: how many of the rows make a node a likely one", default="0.2", quiet=True)

    def pass_args(self) -> dict[str, Value]:
        shares = {name: float(getattr(self, name)) for name in ("alpha", "beta", "above")}
        return super().pass_args() | shares
