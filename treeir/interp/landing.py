"""Where a walk of the plan interpreter ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Landing:
    """The leaf's number among all leaves, and the library's number of it."""

    leaf: int
    leaf_id: int
