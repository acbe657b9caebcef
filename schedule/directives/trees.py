"""Directives about the trees: their passes run on the forest dialect."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Number, argument
from treec.schedule.base import Directive, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.target import FloatPolicy


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


@directive
class ReorderTrees(Directive):
    """Stores, and walks, the trees in another order, so that neighbours are alike: by the `depth` of the deepest leaf, by
    `size` (number of nodes), or by `similarity`: by the feature that the root asks for, then by those of the two levels
    below. Equal trees stay in order. Answers do not change: the leaf values of a block of rows are held, 4 or 8 bytes for
    each row, tree and value of a leaf, and added in the model's order when the block's walks are done. Leaf ids and ranges
    of trees go by the model's numbers.

    Under `float reassociate` nothing is held: values are added in the new order.

    Needs: a loop over rows outside of all loops over trees, whose steps are the blocks; the held values of a block may take
    64 MiB.

    Pays: seldom. `depth` makes few loops of `fission … by=depth` (up to 1.1 times faster where depths differ); `similarity`
    brings neighbours that read the same columns together, which gained nothing on the models that were measured. Holding
    values costs a store and a vector's share of an addition a walk: 0 to 20 % of the time.
    """

    keyword: ClassVar[str] = "reorder trees"
    pass_name: ClassVar[str] = "reorder-trees"
    stage: ClassVar[Stage] = Stage.FOREST

    by: str = argument(Choice(("depth", "size", "similarity")), "what neighbours have in common")

    def check_nest(self, scope: Scope) -> None:
        outermost, axis = next(iter(scope.loops.items()))
        policy = scope.find(FloatPolicy)
        waits = scope.machine is Machine.GPU and any(d.keyword == "reduce" for d in scope.done)  # by the trees' numbers
        if axis is Axis.TREE and not waits and (policy is None or policy.policy == "exact"):
            reason = (
                f"leaf values are held for a block of rows, and the outermost loop, `{outermost}`, runs over trees; the "
                f"nest is {scope}"
            )
            fix = (
                "put a loop over rows first, e.g. `split row into=(block, row) by=64` and `order block, tree, row`, or "
                "allow sums in any order by `float reassociate`"
            )
            raise self.error(reason, fix)
