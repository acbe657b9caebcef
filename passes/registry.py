"""Every pass by name, imported when asked for."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.passes import ModulePass


def get_all_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Pass name → a function that imports and returns its class."""

    def float_policy() -> type[ModulePass]:
        from treec.passes.forest.float_policy import FloatPolicyPass

        return FloatPolicyPass

    def share_predicates() -> type[ModulePass]:
        from treec.passes.forest.share_predicates import SharePredicatesPass

        return SharePredicatesPass

    def share_leaves() -> type[ModulePass]:
        from treec.passes.forest.share_leaves import ShareLeavesPass

        return ShareLeavesPass

    def pad_trees() -> type[ModulePass]:
        from treec.passes.forest.pad_trees import PadTreesPass

        return PadTreesPass

    def swap_children() -> type[ModulePass]:
        from treec.passes.forest.swap_children import SwapChildrenPass

        return SwapChildrenPass

    def reorder_trees() -> type[ModulePass]:
        from treec.passes.forest.reorder_trees import ReorderTreesPass

        return ReorderTreesPass

    def tile_nodes() -> type[ModulePass]:
        from treec.passes.forest.tile_nodes import TileNodesPass

        return TileNodesPass

    def set_target() -> type[ModulePass]:
        from treec.passes.plan.set_target import SetTargetPass

        return SetTargetPass

    def set_gpu_target() -> type[ModulePass]:
        from treec.passes.plan.set_gpu_target import SetGpuTargetPass

        return SetGpuTargetPass

    def plan_kernels() -> type[ModulePass]:
        from treec.passes.plan.plan_kernels import PlanKernelsPass

        return PlanKernelsPass

    def rank_features() -> type[ModulePass]:
        from treec.passes.plan.rank_features import RankFeaturesPass

        return RankFeaturesPass

    def predicates() -> type[ModulePass]:
        from treec.passes.plan.predicates import PredicatesPass

        return PredicatesPass

    def add_kernel() -> type[ModulePass]:
        from treec.passes.plan.add_kernel import AddKernelPass

        return AddKernelPass

    def layout() -> type[ModulePass]:
        from treec.passes.plan.layout import LayoutPass

        return LayoutPass

    def split_loop() -> type[ModulePass]:
        from treec.passes.plan.split_loop import SplitLoopPass

        return SplitLoopPass

    def fuse_loops() -> type[ModulePass]:
        from treec.passes.plan.fuse_loops import FuseLoopsPass

        return FuseLoopsPass

    def unroll_loop() -> type[ModulePass]:
        from treec.passes.plan.unroll_loop import UnrollLoopPass

        return UnrollLoopPass

    def cache_nodes() -> type[ModulePass]:
        from treec.passes.plan.cache_nodes import CacheNodesPass

        return CacheNodesPass

    def cache_rows() -> type[ModulePass]:
        from treec.passes.plan.cache_rows import CacheRowsPass

        return CacheRowsPass

    def prefetch_rows() -> type[ModulePass]:
        from treec.passes.plan.prefetch_rows import PrefetchRowsPass

        return PrefetchRowsPass

    def order_loops() -> type[ModulePass]:
        from treec.passes.plan.order_loops import OrderLoopsPass

        return OrderLoopsPass

    def fission_loop() -> type[ModulePass]:
        from treec.passes.plan.fission_loop import FissionLoopPass

        return FissionLoopPass

    def specialize_loop() -> type[ModulePass]:
        from treec.passes.plan.specialize_loop import SpecializeLoopPass

        return SpecializeLoopPass

    def vectorize_loop() -> type[ModulePass]:
        from treec.passes.plan.vectorize_loop import VectorizeLoopPass

        return VectorizeLoopPass

    def reduce_loop() -> type[ModulePass]:
        from treec.passes.plan.reduce_loop import ReduceLoopPass

        return ReduceLoopPass

    def walk() -> type[ModulePass]:
        from treec.passes.plan.walk import WalkPass

        return WalkPass

    def bind_loop() -> type[ModulePass]:
        from treec.passes.plan.bind_loop import BindLoopPass

        return BindLoopPass

    def parallel_loop() -> type[ModulePass]:
        from treec.passes.plan.parallel_loop import ParallelLoopPass

        return ParallelLoopPass

    def lower_kernels() -> type[ModulePass]:
        from treec.passes.loop.lower_kernels import LowerKernelsPass

        return LowerKernelsPass

    return {
        "float-policy": float_policy,
        "share-predicates": share_predicates,
        "share-leaves": share_leaves,
        "pad-trees": pad_trees,
        "swap-children": swap_children,
        "reorder-trees": reorder_trees,
        "tile-nodes": tile_nodes,
        "set-target": set_target,
        "set-gpu-target": set_gpu_target,
        "plan-kernels": plan_kernels,
        "add-kernel": add_kernel,
        "rank-features": rank_features,
        "predicates": predicates,
        "layout": layout,
        "split-loop": split_loop,
        "fuse-loops": fuse_loops,
        "order-loops": order_loops,
        "unroll-loop": unroll_loop,
        "cache-rows": cache_rows,
        "cache-nodes": cache_nodes,
        "prefetch-rows": prefetch_rows,
        "fission-loop": fission_loop,
        "specialize-loop": specialize_loop,
        "vectorize-loop": vectorize_loop,
        "walk": walk,
        "reduce-loop": reduce_loop,
        "parallel-loop": parallel_loop,
        "bind-loop": bind_loop,
        "lower-kernels": lower_kernels,
    }
