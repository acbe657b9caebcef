"""Directives about the trees: their passes run on the forest dialect."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Number, argument
from treec.schedule.base import Directive, Stage, directive


@directive
class SharePredicates(Directive):
    """Makes one table of distinct predicates for all trees: nodes that ask the same question hold the same predicate id.

    Needs: nothing; like all directives about the trees it comes before those about loops and layout.

    Pays: for ensembles whose trees repeat thresholds (histogram-based training does), with `layout … predicates=table`:
    nodes shrink to an id, and the table stays in the cache.
    """

    keyword: ClassVar[str] = "share predicates"
    pass_name: ClassVar[str] = "share-predicates"
    stage: ClassVar[Stage] = Stage.FOREST


@directive
class ShareLeaves(Directive):
    """Keeps leaf rows with equal values once, bit for bit equal; leaves refer to them by number.

    Needs: nothing; like all directives about the trees it comes before those about loops and layout.

    Pays: where leaves are vectors (class probabilities of a forest) or repeat few values; the artifact gets smaller.
    """

    keyword: ClassVar[str] = "share leaves"
    pass_name: ClassVar[str] = "share-leaves"
    stage: ClassVar[Stage] = Stage.FOREST


@directive
class PadTrees(Directive):
    """Brings all leaves of a tree to one depth: below a leaf that is not deep enough comes a complete subtree that has this
    leaf everywhere, and asks what the node above the leaf asks. Answers and leaf ids do not change.

    Needs: trees that are nearly full; a tree that would get more than `limit` times its leaves is refused by number.

    Pays: where trees are nearly full anyway: a walk then takes a known number of steps and never tests for a leaf, with
    `unroll=full` as straight code without a branch. Trees grow, so they may leave the cache.
    """

    keyword: ClassVar[str] = "pad trees"
    pass_name: ClassVar[str] = "pad-trees"
    stage: ClassVar[Stage] = Stage.FOREST

    to: str = argument(
        Choice(("tree", "forest")), "the depth of the deepest leaf of each `tree`, or of the whole `forest`", default="tree"
    )
    limit: int = argument(Number(), "how many times its leaves a tree may get", default=8, quiet=True)


@directive
class SwapChildren(Directive):
    """Puts the likelier child of each node on the left, where it is the next record of the packed layout. A node that is
    changed so has its answer inverted. Answers and leaf ids do not change.

    Needs: counts of rows by node: the model's own (XGBoost's cover, LightGBM's and scikit-learn's counts), or those of a
    profile, which replace them (`--profile rows.npy`).

    Pays: for trees much larger than the cache whose rows keep to few paths. The inverted answer costs one more instruction
    a step.
    """

    keyword: ClassVar[str] = "swap children"
    pass_name: ClassVar[str] = "swap-children"
    stage: ClassVar[Stage] = Stage.FOREST
