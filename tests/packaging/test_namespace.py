"""What a user's process sees: nothing but ``treec`` at the top level, and no heavy library before it is needed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = ("xdsl", "llvmlite", "xgboost", "sklearn", "lightgbm", "scipy", "pandas", "joblib", "rich", "click")


def run_python(code: str, folder: Path) -> str:
    """Standard output of ``code`` in a fresh interpreter that starts in ``folder``."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_folder_is_importable_by_its_bare_name(repository: Path, tmp_path: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    folders = sorted(set(project["tool"]["setuptools"]["package-dir"].values()) - {"src/treec"} | {"autotune", "bench"})
    code = f"""
from importlib.util import find_spec
for name in {folders!r}:
    if (spec := find_spec(name)) is not None:
        print(name, spec.origin or list(spec.submodule_search_locations or []))
"""
    found = run_python(code, tmp_path).splitlines()
    assert [line for line in found if str(repository) in line] == []


def test_the_package_is_importable_outside_the_repository(tmp_path: Path) -> None:
    assert run_python("import treec, treec.errors, treec.frontends.base; print('ok')", tmp_path) == "ok\n"


@pytest.mark.parametrize(
    "module", ["treec", "treec.runtime", "treec.codegen.abi", "treec.schedule", "treec.frontends.base"]
)
def test_import_loads_no_heavy_library(module: str, tmp_path: Path) -> None:
    loaded = run_python(f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))", tmp_path)
    assert loaded.split() == []
