"""treec: a schedule-guided, verifying compiler for decision-tree ensembles.

>>> import treec
>>> model = treec.compile("model.ubj")
>>> model.predict(X)
>>> model.save("model.so")
>>> treec.load("model.so").predict(X)

Names are imported when first used: loading a compiled model imports neither the compiler nor any model's library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treec.compiler import compile as compile
    from treec.errors import TreecError as TreecError
    from treec.runtime import CompiledModel as CompiledModel
    from treec.runtime import load as load
    from treec.schedule.schedule import Schedule as Schedule
    from treec.tuning import tune as tune

    __version__: str

__all__ = ["CompiledModel", "Schedule", "TreecError", "compile", "load", "tune"]

_HOMES = {
    "CompiledModel": "treec.runtime",
    "Schedule": "treec.schedule.schedule",
    "TreecError": "treec.errors",
    "compile": "treec.compiler",
    "load": "treec.runtime",
    "tune": "treec.tuning",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("treec")
    if name not in _HOMES:
        raise AttributeError(f"module 'treec' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
