"""The versions of other packages that this treec is made for, from its own metadata."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires

_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_LINE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*\(?([^;)]*)\)?\s*(?:;\s*extra\s*==\s*['\"]([^'\"]+)['\"])?\s*$")


@dataclass(frozen=True)
class Requirement:
    """``name`` with bounds such as ``<2,>=1.4``."""

    name: str
    bounds: str

    def __str__(self) -> str:
        return f"{self.name}{self.bounds}"

    def allows(self, version: str) -> bool:
        """Whether a version is within the bounds; by its numbers alone."""
        return all(_holds(bound, version) for bound in self.bounds.split(",") if bound.strip())


def _holds(bound: str, version: str) -> bool:
    match = re.match(r"\s*(>=|<=|==|!=|<|>)\s*([\d.]+)", bound)
    if match is None:
        return True
    mine, theirs = _numbers(version), _numbers(match[2])
    size = max(len(mine), len(theirs))
    return _COMPARE[match[1]](mine + (0,) * (size - len(mine)), theirs + (0,) * (size - len(theirs)))


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in release[0].split(".")) if release else (0,)


def requirement_of(name: str, extra: str | None) -> Requirement | None:
    """The bounds that treec's metadata give for a package, in an extra or (None) always; None if it names it not."""
    try:
        lines = requires("treec") or []
    except PackageNotFoundError:
        return None
    for line in lines:
        match = _LINE.match(line)
        if match is not None and match[1].lower() == name and match[3] == extra:
            return Requirement(name, match[2].strip())
    return None
