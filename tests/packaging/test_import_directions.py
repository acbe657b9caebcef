"""Imports point one way: the table below is docs/design.md's, read off the source with ``ast``."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Unit → what it may import besides itself. A unit is a folder or, where a part of a folder has a rule of its own, that
# part; the longest prefix of a module's name decides. ``*`` is everything.
ARTIFACT = {
    "treec.codegen.abi",
    "treec.codegen.cpu_levels",
    "treec.codegen.elf",
    "treec.codegen.files",
    "treec.codegen.gpu_abi",
    "treec.codegen.gpu_file",
    "treec.codegen.gpu_plan",
}
"""The format of a compiled file: standard library only, shared by those who write it and those who run it."""

ALLOWED: dict[str, set[str]] = {
    "treec.errors": set(),
    "treec.codegen.abi": {"treec.errors"},
    "treec.codegen.cpu_levels": {"treec.errors"},
    "treec.codegen.elf": {"treec.errors", "treec.codegen.abi", "treec.codegen.cpu_levels"},
    "treec.codegen.files": {"treec.errors"},
    "treec.codegen.gpu_abi": {"treec.errors"},
    "treec.codegen.gpu_plan": {"treec.errors", "treec.codegen.abi", "treec.codegen.gpu_abi"},
    "treec.codegen.gpu_file": {"treec.errors", "treec.codegen.gpu_abi", "treec.codegen.gpu_plan"},
    "treec.frontends.kinds": set(),
    "treec.frontends.columns": {"treec.frontends.kinds"},
    "treec.frontends.checks": {"treec.errors", "treec.frontends.kinds", "treec.frontends.columns"},
    "treec.frontends.base": {"treec.frontends.kinds", "treec.frontends.columns", "treec.frontends.checks"},
    "treec.frontends": {"treec.errors", "treec.frontends.base"},
    "treec.schedule": {"treec.errors"},
    "treec.runtime": {"treec.errors"} | ARTIFACT,
    "treec.treeir.interp.predicates": {"treec.errors", "treec.frontends.base"},
    "treec.treeir": {
        "treec.errors",
        "treec.frontends.base",
        "treec.frontends.checks",
        "treec.treeir.interp.predicates",
    },
    "treec.passes.algo": {"treec.errors", "treec.frontends.base", "treec.treeir.interp.predicates"},
    "treec.passes": {
        "treec.errors",
        "treec.codegen.abi",
        "treec.codegen.cpu_levels",
        "treec.frontends.base",
        "treec.treeir",
        "treec.treeir.interp.predicates",
        "treec.schedule",
        "treec.passes.algo",
    },
    "treec.codegen": {"treec.errors", "treec.frontends.base", "treec.treeir"} | ARTIFACT,
    "treec.verify": {
        "treec.errors",
        "treec.codegen.abi",
        "treec.frontends",
        "treec.frontends.base",
        "treec.runtime",
        "treec.treeir",
        "treec.treeir.interp.predicates",
    },
    "treec.default": {
        "treec.codegen.cpu_levels",
        "treec.codegen.gpu_abi",
        "treec.frontends.base",
        "treec.passes",
        "treec.passes.algo",
        "treec.schedule",
    },
    "treec.tools": {"*"},
    "treec": {"*"},
}

# Unit → packages from outside that none of its modules may name, not even inside a function.
FOREIGN: dict[str, set[str]] = {
    "treec.frontends": {"xdsl", "llvmlite", "tvm"},
    "treec.frontends.base": {"xdsl", "llvmlite", "tvm", "xgboost", "lightgbm", "sklearn", "joblib"},
    "treec.schedule": {"xdsl", "llvmlite", "tvm", "xgboost", "lightgbm", "sklearn"},
    "treec.runtime": {"xdsl", "llvmlite", "tvm", "xgboost", "lightgbm", "sklearn", "joblib"},
    "treec.treeir.interp.predicates": {"xdsl", "llvmlite", "tvm", "xgboost", "lightgbm", "sklearn"},
    "treec.treeir": {"llvmlite", "tvm", "xgboost", "lightgbm", "sklearn"},
    "treec.passes": {"llvmlite", "tvm", "xgboost", "lightgbm", "sklearn"},
    "treec.passes.algo": {"xdsl", "llvmlite", "tvm", "xgboost", "lightgbm", "sklearn"},
    "treec.codegen": {"xgboost", "lightgbm", "sklearn"},
    "treec.codegen.abi": {"xdsl", "llvmlite", "tvm"},
}


@dataclass(frozen=True)
class Import:
    """``module`` names ``target`` in ``line``; ``eager`` if that happens while ``module`` is being imported."""

    module: str
    target: str
    line: int
    eager: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by its import name."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]
    found: dict[str, Path] = {}
    for package, folder in table.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_of(module: str, tree: ast.AST, *, eager: bool = True) -> list[Import]:
    """All imports below ``tree``; those inside functions and under ``TYPE_CHECKING`` are not eager."""
    found: list[Import] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [Import(module, alias.name, node.lineno, eager) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            names = [f"{source}.{alias.name}" for alias in node.names]
            found += [Import(module, name if name in modules() else source, node.lineno, eager) for name in names]
            found = list(dict.fromkeys(found))
        else:
            lazy = is_type_checking(node) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            found += imports_of(module, node, eager=eager and not lazy)
    return found


@cache
def all_imports() -> list[Import]:
    return [found for name, path in modules().items() for found in imports_of(name, ast.parse(path.read_text()))]


def unit_of(module: str, table: dict[str, set[str]]) -> str | None:
    """The longest entry of ``table`` that is ``module`` or a package around it."""
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in table), None)


def is_allowed(found: Import) -> bool:
    source, target = unit_of(found.module, ALLOWED), unit_of(found.target, ALLOWED)
    return source is not None and (target in ALLOWED[source] | {source} or "*" in ALLOWED[source])


def expect_none(wrong: list[Import]) -> None:
    """Fails with one line per import, so that all of them can be read."""
    if wrong:
        pytest.fail("\n".join(["imports against docs/design.md:", *map(str, wrong)]), pytrace=False)


def test_the_table_covers_every_folder() -> None:
    packages = {name for name, path in modules().items() if name.count(".") <= 1 and path.name == "__init__.py"}
    assert packages <= set(ALLOWED)


def test_the_table_has_no_cycle() -> None:
    graph = {unit: (allowed - {"*"}) for unit, allowed in ALLOWED.items()}
    TopologicalSorter(graph).prepare()


def test_internal_imports_follow_the_table() -> None:
    internal = [found for found in all_imports() if found.target.split(".")[0] == "treec"]
    assert len(internal) > 0
    expect_none([found for found in internal if not is_allowed(found)])


def test_internal_imports_name_modules_that_exist() -> None:
    internal = [found for found in all_imports() if found.target.split(".")[0] == "treec"]
    expect_none([found for found in internal if found.target not in modules()])


@pytest.mark.parametrize("unit", sorted(FOREIGN))
def test_unit_stays_free_of(unit: str) -> None:
    mine = [found for found in all_imports() if unit_of(found.module, FOREIGN) == unit]
    expect_none([found for found in mine if found.target.split(".")[0] in FOREIGN[unit]])


def test_no_module_imports_itself_in_a_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for found in all_imports():
        if found.eager and found.target in graph and found.target != found.module:
            graph[found.module].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize(
    ("module", "code", "allowed"),
    [
        ("treec.frontends.checks", "from treec.errors import ModelError", True),
        ("treec.frontends.xgboost", "import treec.treeir.blob", False),
        ("treec.runtime.library", "def load():\n    from treec.codegen import link", False),
        ("treec.runtime.library", "from treec.codegen import abi", True),
        ("treec.treeir.plan", "from treec.frontends.base import Forest", True),
        ("treec.treeir.plan", "from treec.passes.plan import split", False),
        ("treec.codegen.llvm.emit", "if TYPE_CHECKING:\n    import treec.verify", False),
        ("treec.passes.plan.split", "import treec", False),
        ("treec.tools.treec_main", "import treec.verify, treec.passes", True),
    ],
)
def test_the_checker_itself(module: str, code: str, allowed: bool) -> None:
    assert all(is_allowed(found) for found in imports_of(module, ast.parse(code))) is allowed
