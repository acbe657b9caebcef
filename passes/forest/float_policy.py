"""``float-policy``: whether sums keep the model's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.forest.rewrite import require_no_plan
from treec.treeir.forest import SumOp, only_model


@dataclass(frozen=True)
class FloatPolicyPass(ModulePass):
    """``exact``: sums are added in the model's order, to the last bit. ``reassociate``: in an order and grouping that the
    plan fixes."""

    name = "float-policy"
    policy: Literal["exact", "reassociate"]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        if self.policy not in ("exact", "reassociate"):
            raise ScheduleError(f"there is no float policy {self.policy}", fix="use policy=exact or policy=reassociate")
        for part in only_model(op).body.block.ops:
            if isinstance(part, SumOp):
                part.properties.pop("reassociate", None)
                if self.policy == "reassociate":
                    part.properties["reassociate"] = UnitAttr()
