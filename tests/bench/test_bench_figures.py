"""Who counts as the fastest rival, who is dropped when, and what the tables say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.cells import Cell, linked
from bench.figures import Figures, paired
from bench.journal import Journal
from bench.processes import Contestant
from bench.report import fill, headline, introduction, lost, refusals


class Scripted(Contestant):
    """Answers every call with a set time, and outputs ``wanted + error``."""

    def __init__(self, name: str, engine: str, seconds: float, error: float = 0.0) -> None:
        super().__init__(name, engine)
        self.took, self.wrong, self.asked = seconds, error, 0

    def ask(self, **request: Any) -> dict[str, Any]:
        self.asked += 1
        if "out" in request:
            np.save(request["out"], wanted("raw", request["rows"]) + self.wrong)
        return {"seconds": self.took, "least": self.took, "calls": 1, "peak_mb": 1.0}


def wanted(gives: str, batch: int) -> NDArray[np.float64]:
    assert gives == "raw"
    return np.arange(batch, dtype=np.float64)[:, None]


def measured(tmp_path: Path, contestants: list[Scripted], pace: dict[str, float] | None = None) -> dict[str, Any]:
    return Cell([*contestants], 10, 1, pace or {}).run(7, 60.0, wanted, tmp_path)


def test_a_far_rival_has_two_rounds_and_the_fastest_all(tmp_path: Path) -> None:
    ours, near, far = Scripted("treec", "treec", 9.0), Scripted("onedal", "onedal", 1.0), Scripted("onnx", "onnx", 5.1)
    cell = measured(tmp_path, [ours, near, far])
    assert {name: len(seconds) for name, seconds in cell["seconds"].items()} == {"treec": 7, "onedal": 7, "onnx": 2}
    assert cell["dropped"] == {"onnx": "two rounds: 5.1 times the fastest"}


def test_a_slow_rival_that_is_known_to_be_far_has_one_call(tmp_path: Path) -> None:
    near, far = Scripted("onedal", "onedal", 1.0), Scripted("onnx", "onnx", 8.0)
    cell = measured(tmp_path, [Scripted("treec", "treec", 0.5), near, far], {"treec": 1.0, "onedal": 2.0, "onnx": 16.0})
    assert cell["seconds"]["onnx"] == [8.0]
    assert far.asked == 1


def test_engines_of_smaller_batches_need_not_take_part(tmp_path: Path) -> None:
    cell = measured(
        tmp_path, [Scripted("treec", "treec", 0.5), Scripted("onnx", "onnx", 8.0)], {"treec": 1.0, "onedal": 2.0}
    )
    assert len(cell["seconds"]["onnx"]) == 7


def test_wrong_answers_and_like_models_are_not_the_fastest(tmp_path: Path) -> None:
    wrong, like = Scripted("tl2cgen", "tl2cgen", 0.2, error=1.0), Scripted("catboost", "catboost", 0.1)
    cell = measured(tmp_path, [Scripted("treec", "treec", 0.5), wrong, like, Scripted("library", "library", 1.0)])
    assert cell["off_rows"]["tl2cgen"] > 0.5
    assert "catboost" not in cell["difference"]
    journal = Journal(None)
    assert Figures(journal).fastest(cell) == "library"


def test_the_own_library_keeps_its_turns_unless_it_is_slow(tmp_path: Path) -> None:
    ours, near = Scripted("treec", "treec", 0.1), Scripted("onedal", "onedal", 0.1)
    cell = measured(tmp_path, [ours, near, Scripted("library", "library", 1.0)])
    assert len(cell["seconds"]["library"]) == 7
    cell = measured(tmp_path, [ours, near, Scripted("library", "library", 2.0)])
    assert len(cell["seconds"]["library"]) == 2


@pytest.fixture
def figures() -> Figures:
    journal = Journal(None)
    facts: dict[str, Any] = {"library": "xgboost", "trees": 100, "leaves": 25_521, "departs": []}
    journal.add("model", model="airline", **facts)
    for batch, ours in ((1, 4.0), (10_000, 0.5)):
        seconds = {"treec": [ours] * 7, "library": [4.0] * 7, "onedal": [2.0] * 7}
        zero = dict.fromkeys(seconds, 0.0)
        cell: dict[str, Any] = {"seconds": seconds, "least": {name: s[0] for name, s in seconds.items()}}
        cell |= {"difference": zero | {"onedal": 1e-7}, "off_rows": zero, "peak_mb": {}, "dropped": {}, "like": []}
        cell |= {"errors": {"lleaves": "reads LightGBM models alone"}, "ours": ["treec"]}
        journal.add("cell", model="airline", batch=batch, threads=1, **cell)
    return Figures(journal)


def test_tables_show_ratios_and_the_cells_that_are_lost(figures: Figures) -> None:
    row = headline(figures, short=True).splitlines()[2]
    described = "airline (XGBoost, 100 trees, 255 leaves)"
    assert row == f"| {described} | 400 | oneDAL 200 | 50.0 | 4.00 | 8.00 |"
    assert lost(figures).splitlines()[2:] == ["| airline | 1 | 1 | 4,000,000 | oneDAL 2,000,000 | 0.50 (0.50 to 0.50) |"]
    assert refusals(figures) == "- lleaves: reads LightGBM models alone (airline)"


def test_the_introduction_names_rivals_with_their_versions(figures: Figures) -> None:
    versions = {"xgboost": "3.2.0", "lightgbm": "4.7.0", "scikit-learn": "1.9.1"}
    figures.journal.add("run", time="now", cpu="a CPU", level="x86-64-v4", versions=versions)
    figures.journal.add("engine", model="airline", engine="onedal", pins=["scikit-learn-intelex==2026.2.0", "numpy==2.4.6"])
    figures.journal.add("engine", model="airline", engine="catboost", pins=["catboost==1.2.10"])
    text = introduction(figures)
    assert "(a CPU, x86-64-v4)" in text
    assert "(XGBoost 3.2, LightGBM 4.7, scikit-learn 1.9), oneDAL 2026.2; ratios" in text


def test_ratios_are_taken_within_rounds() -> None:
    assert paired([2.0, 8.0, 9.0], [1.0, 2.0]).tolist() == [2.0, 4.0]


def test_links() -> None:
    two = linked("xgb_sigmoid", np.array([[0.0]]))
    assert two.tolist() == [[0.5, 0.5]]
    assert linked("lgb_softmax", np.zeros((1, 4))).tolist() == [[0.25] * 4]


def test_a_log_of_a_cut_off_line_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "log"
    Journal(place).add("limit", model="a", error="no")
    place.write_text(place.read_text() + '{"kind": "li')
    Journal(place).add("limit", model="b", error="no")
    assert [record["model"] for record in Journal(place).of("limit")] == ["a", "b"]


def test_text_goes_between_its_marks(tmp_path: Path) -> None:
    place = tmp_path / "page.md"
    place.write_text("head\n<!-- speed: begin, made -->\nold\n<!-- speed: end -->\ntail\n")
    fill(place, "speed", "new")
    assert place.read_text() == "head\n<!-- speed: begin, made -->\n\nnew\n\n<!-- speed: end -->\ntail\n"
    with pytest.raises(SystemExit, match="needs one line"):
        fill(place, "measured", "new")
