"""The wheel, installed into a fresh environment, works away from the repository.

The environment holds the wheel alone; the packages treec depends on are lent to it from the environment of the tests
by a ``.pth`` line, so that the test needs no network. A folder lent like that has none of its own ``.pth`` files read,
so the editable treec of that environment stays out of sight.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of ``command``; its whole output is in the message if it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def setuptools_table(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["setuptools"]


@pytest.fixture(scope="module")
def wheel(repository: Path, setuptools_table: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources, because a build in the tree keeps what an earlier one left behind."""
    copy = tmp_path_factory.mktemp("source")
    for folder in setuptools_table["package-dir"].values():
        shutil.copytree(repository / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, copy / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", copy / "dist", cwd=copy)
    (built,) = (copy / "dist").glob("treec-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (purelib / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", python]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    return folder / "bin"


def test_wheel_holds_every_file_and_nothing_else(wheel: Path, repository: Path, setuptools_table: dict[str, Any]) -> None:
    expected = {
        Path(*package.split("."), path.relative_to(repository / folder)).as_posix()
        for package, folder in setuptools_table["package-dir"].items()
        for path in (repository / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_package_comes_from_the_environment(environment: Path, repository: Path, tmp_path: Path) -> None:
    code = "import treec, treec.codegen.abi, treec.passes.algo as a; print(treec.__file__, *a.__path__)"
    places = run(environment / "python", "-c", code, cwd=tmp_path).split()
    assert all(Path(place).is_relative_to(environment.parent) for place in places)


@pytest.mark.parametrize("tool", ["treec", "tree-opt", "treec-dump"])
def test_every_tool_says_how_it_is_used(environment: Path, tool: str, tmp_path: Path) -> None:
    assert "usage" in run(environment / tool, "--help", cwd=tmp_path).lower()


def test_installed_treec_compiles_and_predicts(environment: Path, tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(200, 5)).astype(np.float32)
    booster = xgboost.train(
        {"max_depth": 3, "nthread": 1}, xgboost.DMatrix(rows, rows[:, 0] * rows[:, 1]), num_boost_round=5
    )
    booster.save_model(tmp_path / "model.json")
    np.save(tmp_path / "rows.npy", rows)

    run(environment / "treec", "model.json", "-o", "model.so", cwd=tmp_path)
    code = """
import sys
import numpy as np
import treec
np.save("answers.npy", treec.load("model.so").predict(np.load("rows.npy"), raw=True))
print(*(name for name in ("xdsl", "llvmlite", "xgboost") if name in sys.modules))
"""
    loaded = run(environment / "python", "-c", code, cwd=tmp_path)

    expected = booster.predict(xgboost.DMatrix(rows), output_margin=True)
    answers = np.load(tmp_path / "answers.npy")
    assert answers.dtype == expected.dtype
    assert answers.tobytes() == expected.tobytes()
    assert loaded.split() == []
