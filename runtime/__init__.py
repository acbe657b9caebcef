"""What runs a compiled model. Needs numpy and nothing else: no compiler, no source library."""

from __future__ import annotations

from treec.runtime.predictor import CompiledModel, load

__all__ = ["CompiledModel", "load"]
