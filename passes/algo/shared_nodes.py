"""How a copy of packed nodes lies in memory that threads share: each field of a record by itself."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def shared_node_bytes(nodes: NDArray[Any]) -> int:
    """Bytes of a copy of records, and of the one more that walks may look at; gaps between fields are not copied."""
    fields = nodes.dtype.fields or {}
    return (len(nodes) + 1) * sum(kind.itemsize for kind, *_ in fields.values())
