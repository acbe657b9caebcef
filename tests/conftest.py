"""What all tests share: one thread per library, a fixed hypothesis profile, and where outside models lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# Before any test imports a library that reads them: the suite runs in two processes on small machines, and a sum over
# several threads is not the library's own order.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

settings.register_profile(
    "treec", deadline=None, database=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search", deadline=None, print_blob=True, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "treec"))


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def external_models() -> Path:
    """The folder of models that are too large for the repository; the test is skipped where it is absent."""
    folder = Path(os.environ.get("TREEC_EXTERNAL_MODELS", ROOT.parent / "shared" / "models"))
    if not folder.is_dir():
        pytest.skip(f"no models in {folder}; set TREEC_EXTERNAL_MODELS")
    return folder
