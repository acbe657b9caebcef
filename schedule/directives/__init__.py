"""The directives of the language, one file per group.

Each is plain data; whether it applies to a model is its pass's to say. The order of the imports is the order of the table,
and of the reference.
"""

# ruff: noqa: I001
from treec.schedule.base import DIRECTIVES as DIRECTIVES
from treec.schedule.directives.target import CPU_LEVELS as CPU_LEVELS
from treec.schedule.directives.target import FloatPolicy as FloatPolicy
from treec.schedule.directives.target import TargetCpu as TargetCpu
from treec.schedule.directives.target import TargetGpu as TargetGpu
from treec.schedule.directives.trees import PadTrees as PadTrees
from treec.schedule.directives.trees import ReorderTrees as ReorderTrees
from treec.schedule.directives.trees import ShareLeaves as ShareLeaves
from treec.schedule.directives.trees import SharePredicates as SharePredicates
from treec.schedule.directives.trees import SwapChildren as SwapChildren
from treec.schedule.directives.tiles import TileNodes as TileNodes
from treec.schedule.directives.loops import FissionLoop as FissionLoop
from treec.schedule.directives.loops import FuseLoops as FuseLoops
from treec.schedule.directives.loops import OrderLoops as OrderLoops
from treec.schedule.directives.loops import SpecializeLoop as SpecializeLoop
from treec.schedule.directives.loops import SplitLoop as SplitLoop
from treec.schedule.directives.reduce import ReduceLoop as ReduceLoop
from treec.schedule.directives.rows import AnswerPredicates as AnswerPredicates
from treec.schedule.directives.rows import CacheNodes as CacheNodes
from treec.schedule.directives.rows import CacheRows as CacheRows
from treec.schedule.directives.rows import PrefetchRows as PrefetchRows
from treec.schedule.directives.rows import RankFeatures as RankFeatures
from treec.schedule.directives.layout import Layout as Layout
from treec.schedule.directives.vectorize import VectorizeLoop as VectorizeLoop
from treec.schedule.directives.walk import Walk as Walk
from treec.schedule.directives.mapping import ParallelLoop as ParallelLoop
from treec.schedule.directives.mapping import UnrollLoop as UnrollLoop
from treec.schedule.directives.gpu import BindLoop as BindLoop
