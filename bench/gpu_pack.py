# pyright: basic
"""What a machine with a GPU needs to measure treec: compiled models, rows, and digests of right answers, in one folder.

A machine with a GPU may have neither compilers nor the libraries of models, so what can be made elsewhere is made first.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.models import BenchModel, mixed_batch

DEFAULT = "treec's choice"
SHOWN = 512
"""Rows whose responses are in the folder: answers of other engines are compared with them."""


@dataclass(frozen=True)
class Packed:
    """One model. ``schedules``: name -> file; ``refused``: name -> reason. ``raw``: batch -> sha-256 of raw outputs."""

    name: str
    folder: Path
    model: str
    library: str
    classifier: bool
    trees: int
    schedules: dict[str, str]
    refused: dict[str, str]
    raw: dict[int, str]

    @property
    def model_path(self) -> Path:
        return self.folder / self.model

    def rows(self, n_rows: int) -> NDArray[np.float32]:
        """f32 [n_rows, n_features]."""
        return mixed_batch(np.load(self.folder / "rows.npy"), n_rows)

    @property
    def responses(self) -> NDArray[Any]:
        """Of the first `SHOWN` rows."""
        return np.load(self.folder / "responses.npy")


def digest(answers: NDArray[Any]) -> str:
    """Of answers' bits and their type. One output may be a column of its own."""
    flat = np.ascontiguousarray(answers).ravel()
    return hashlib.sha256(flat.dtype.str.encode() + flat.tobytes()).hexdigest()


def pack(model: BenchModel, schedules: Iterable[str], batches: Iterable[int], folder: Path) -> Packed:
    """Compile a model by each schedule (`DEFAULT`, a preset, or a file) into ``folder``."""
    import treec

    home = folder / model.name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    shutil.copy(model.path, home / model.path.name)
    np.save(home / "rows.npy", model.rows)
    reference = treec.compile(str(model.path), verify=False)
    np.save(home / "responses.npy", np.asarray(reference.predict(model.batch(SHOWN))))
    raw = {n: digest(np.asarray(reference.predict(model.batch(n), raw=True))) for n in batches}
    files, refused = dict[str, str](), dict[str, str]()
    for number, name in enumerate(schedules):
        made = _compiled(model, name)
        if isinstance(made, str):
            refused[name] = made
        else:
            files[name] = f"{number}.gpu"
            made.save(home / files[name])
    facts = model.facts
    packed = Packed(
        model.name, home, model.path.name, model.library, facts["classifier"], facts["trees"], files, refused, raw
    )
    (home / "packed.json").write_text(json.dumps({**asdict(packed), "folder": None}, indent=1))
    return packed


def _compiled(model: BenchModel, name: str) -> Any:
    """The compiled model, or why there is none."""
    import treec
    from treec.errors import ScheduleError
    from treec.schedule.library import preset
    from treec.schedule.schedule import Schedule

    try:
        if name == DEFAULT:
            schedule = None
        elif Path(name).is_file():
            schedule = Schedule.from_text(Path(name).read_text(), name)
        else:
            schedule = preset(name)
        aimed = None if schedule is None else schedule.with_target(input="f32")
        return treec.compile(str(model.path), aimed, target="gpu", rows="f32", verify=False)
    except ScheduleError as error:
        return error.message


def unpack(folder: Path) -> list[Packed]:
    """The models of a folder."""
    return [_read(path) for path in sorted(folder.glob("*/packed.json"))]


def _read(path: Path) -> Packed:
    kept = json.loads(path.read_text())
    raw = {int(n): sha for n, sha in kept["raw"].items()}
    return Packed(**{**kept, "folder": path.parent, "raw": raw})
