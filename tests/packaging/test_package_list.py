"""What pyproject.toml and the Makefile list by hand is what lies on disk."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def folders(project: dict[str, Any]) -> dict[str, str]:
    """Import package → folder, as setuptools is told."""
    return project["tool"]["setuptools"]["package-dir"]


def top_folders(folders: dict[str, str]) -> set[str]:
    return {folder for folder in folders.values() if folder != "src/treec"}


def test_every_package_on_disk_is_listed(repository: Path, project: dict[str, Any], folders: dict[str, str]) -> None:
    on_disk = {
        ".".join([package, *init.parent.relative_to(repository / folder).parts])
        for package, folder in folders.items()
        for init in (repository / folder).rglob("__init__.py")
    }
    listed: list[str] = project["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(on_disk)


def test_every_source_file_is_in_a_package(repository: Path, folders: dict[str, str]) -> None:
    sources = [path for folder in folders.values() for path in (repository / folder).rglob("*.py")]
    assert [str(path) for path in sources if not (path.parent / "__init__.py").exists()] == []


def test_every_top_level_package_is_mapped(repository: Path, folders: dict[str, str]) -> None:
    on_disk = {path.parent.name for path in repository.glob("*/__init__.py")}
    assert on_disk == top_folders(folders)
    assert all(package == f"treec.{folder}" for package, folder in folders.items() if folder != "src/treec")


def test_makefile_lists_the_same_folders(repository: Path, folders: dict[str, str]) -> None:
    line = re.search(r"^FOLDERS := (.*)$", (repository / "Makefile").read_text(), re.MULTILINE)
    assert line is not None
    assert set(line[1].split()) == top_folders(folders)


def test_pyright_checks_every_folder(project: dict[str, Any], folders: dict[str, str]) -> None:
    include: list[str] = project["tool"]["pyright"]["include"]
    assert set(include) >= {"typelinks/treec", *(f"typelinks/treec/{folder}" for folder in top_folders(folders))}


def test_ruff_bans_the_bare_name_of_every_folder(project: dict[str, Any], folders: dict[str, str]) -> None:
    banned: dict[str, Any] = project["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == top_folders(folders)


def test_all_extra_holds_every_source_library(project: dict[str, Any]) -> None:
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    assert extras["all"] == ["treec[xgboost,lightgbm,sklearn]"]
    assert {"xgboost", "lightgbm", "sklearn", "gpu", "bench", "dev", "all"} == set(extras)
