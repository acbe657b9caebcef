"""Labels on a device: classes as the host finds them, of ties, NaN and zeros of both signs."""

# pyright: basic

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.gpu.pocl import Device
from tests.math_stage import label_module
from tests.property.forests import Shape, build
from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import GpuTarget
from treec.codegen.tir.compile import GpuFacts, compile_gpu
from treec.frontends.base import LabelRule, Outputs, Predicted
from treec.runtime.labels import labelled, n_labels, predicted
from treec.treeir.interp.loop import run_kernel
from treec.verify.runner import InterpreterRunner

EDGES = np.array([-1.0, -0.0, 0.0, 0.5, np.nextafter(0.5, 1), 1.0, np.nan, np.inf, -np.inf, 5e-324])


def table_of(n_columns: int) -> Any:
    """All that meets in a row of two columns; of more, some thousand rows."""
    if n_columns <= 2:
        return np.array(np.meshgrid(*[EDGES] * n_columns)).reshape(n_columns, -1).T.copy()
    return np.random.default_rng(4).choice(EDGES, (3000, n_columns))


@pytest.mark.parametrize("rule", [rule for rule in LabelRule if rule is not LabelRule.NONE])
@pytest.mark.parametrize("groups", [(), (2, 1, 3)])
@pytest.mark.parametrize("kind", [Predicted.LABEL, Predicted.CLASS_INDEX])
def test_labels_are_those_of_the_host(rule: LabelRule, groups: tuple[int, ...], kind: Predicted) -> None:
    n_columns = sum(groups) or (2 if rule is LabelRule.ARGMAX else 1)
    table = table_of(n_columns)
    classes = tuple(np.array(["a", "b", "c"]) for _ in range(n_columns))
    outputs = Outputs(False, label=rule, predicted=kind, classes=classes, groups=groups)
    facts = InterpreterRunner(replace(build(Shape(n_columns=n_columns)), outputs=outputs)).facts
    module = label_module(outputs, n_columns)
    made = compile_gpu(module, GpuFacts(n_columns, 1, n_columns, DType.F64), GpuTarget("opencl"))
    on_device = Device(made).run(Task.LABEL, table)[:, : n_labels(facts)]
    np.testing.assert_array_equal(labelled(on_device, facts), predicted(table, facts), strict=True)
    few = table[:200]
    interpreted = run_kernel(module, Task.LABEL, DType.F64, few, (0, 1), n_columns)[:, : n_labels(facts)]
    np.testing.assert_array_equal(labelled(interpreted, facts), predicted(few, facts), strict=True)
