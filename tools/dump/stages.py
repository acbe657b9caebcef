"""The IR after every pass of a schedule, as text, with what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp

from treec.passes.pipeline import Step, StepDone, pipeline_of
from treec.tools.blobs import blobs_of, save_blobs
from treec.tools.dump.drawing import Drawing, draw
from treec.treeir.blob import BLOB_FOLDER, Blob
from treec.treeir.forest_convert import forest_module

if TYPE_CHECKING:
    from treec.compiler import Compilation

IMPORT = "import"


@dataclass(frozen=True, eq=False)
class DumpedStage:
    """The IR after one step. ``asked``: the schedule's line, None for a step that every schedule has; ``place``: where that
    line stands; ``rest``: the pipeline that goes on from here; ``ops``: how many ops by dialect; ``drawing``: the chosen
    tree at this level, None where no op holds it."""

    number: int
    name: str
    spec: str
    asked: str | None
    place: str | None
    rest: str
    seconds: float
    text: str
    ops: dict[str, int]
    blobs: dict[str, Blob]
    drawing: Drawing | None

    @property
    def file_name(self) -> str:
        return f"{self.number:02d}-{self.name}.mlir"

    @property
    def n_ops(self) -> int:
        return sum(self.ops.values())


class Recorder:
    """An observer of `treec.passes.pipeline` that keeps every stage and saves its arrays in ``folder``."""

    def __init__(self, compilation: Compilation, folder: Path, tree: int) -> None:
        self.stages: list[DumpedStage] = []
        self._forest = compilation.forest
        self._folder = folder / BLOB_FOLDER
        self._tree = tree
        self._steps = pipeline_of(compilation.schedule)
        module = forest_module(compilation.forest)
        self._add(0, IMPORT, "", None, module, compilation.seconds["parse"])

    def __call__(self, done: StepDone) -> None:
        step = done.step
        self._add(done.number, step.name, spec_of(step), step, done.module, done.seconds)

    def _add(self, number: int, name: str, spec: str, step: Step | None, module: ModuleOp, seconds: float) -> None:
        save_blobs(module, self._folder)
        directive = None if step is None else step.directive
        self.stages.append(
            DumpedStage(
                number=number,
                name=name,
                spec=spec,
                asked=None if directive is None else directive.text,
                place=_place_of(step),
                rest=pipeline_text(self._steps[number:]),
                seconds=seconds,
                text=str(module),
                ops=_count(module),
                blobs={blob.digest: blob for blob in blobs_of(module)},
                drawing=draw(module, self._forest, self._tree),
            )
        )

    def write(self, folder: Path) -> None:
        """Write ``NN-pass.mlir`` for each stage."""
        for stage in self.stages:
            (folder / stage.file_name).write_text(f"{heading(stage)}{stage.text}\n", encoding="utf-8")


def _place_of(step: Step | None) -> str | None:
    """Where the schedule's line stands, as ``file:line``; None if it stands in no file."""
    place = None if step is None or step.directive is None else step.directive.place
    if place is None or place.file.startswith("<"):
        return None
    return f"{Path(place.file).name}:{place.line}"


def heading(stage: DumpedStage) -> str:
    """Comments on top of a dumped file: what made it, and how to go on from it."""
    if stage.number == 0:
        made = "the model as it was read"
    elif stage.asked is None:
        made = f"{stage.spec}, which every schedule needs"
    else:
        made = f"{stage.asked}    ({stage.place})" if stage.place else stage.asked
    lines = [f"// {stage.number:02d}-{stage.name}: {made}"]
    if stage.rest:
        lines.append(f"// the passes after it: tree-opt {stage.file_name} -p '{stage.rest}'")
    return "\n".join(lines) + "\n"


def spec_of(step: Step) -> str:
    """A step as tree-opt's ``-p`` takes it: ``layout{kind=packed align=4}``."""
    return str(step.pass_.pipeline_pass_spec(include_default=True))


def pipeline_text(steps: Sequence[Step]) -> str:
    return ",".join(spec_of(step) for step in steps)


def _count(module: ModuleOp) -> dict[str, int]:
    """Ops by dialect, the module itself aside."""
    names = (op.name.split(".")[0] for op in module.walk() if op is not module)
    return dict(sorted(Counter(names).items()))
