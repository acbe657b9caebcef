"""A card as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from treec.runtime.card import code_name
from treec.runtime.library import Library

if TYPE_CHECKING:
    from treec.runtime.gpu_library import GpuLibrary

_SIZES = (
    ("n_features", "features"),
    ("n_trees", "trees"),
    ("n_nodes", "nodes"),
    ("n_leaves", "leaves"),
    ("n_columns", "outputs"),
)


def report_of(library: Library | GpuLibrary) -> str:
    """Source, sizes, code, verification and whatever else the card has, one line each, then the schedule."""
    card = library.card
    source: dict[str, Any] = card["source"]
    known = {"format", "treec", "source", "inputs", "outputs", "iterations", "sum", "float", "schedule", "cpu", "file"}
    known |= {key for key, _ in _SIZES} | {"verification"}
    sizes = {**card, "n_features": library.n_features}
    lines = [
        _line("model", " ".join(str(source[k]) for k in ("name", "library", "version", "objective") if source.get(k))),
        _line("size", ", ".join(f"{sizes[key]:,} {word}" for key, word in _SIZES if key in sizes)),
        _line("rows", f"{_type_name(card['inputs']['dtype'])} comparisons"),
        _line("sum", f"{_type_name(card['sum']['dtype'])}, {card['float']}"),
        _line("code", f"{code_name(card)}, {library.code}, treec {card['treec']}"),
    ]
    if isinstance(card.get("file"), dict):
        lines.append(_line("file", f"{card['file']['bytes']:,} bytes"))
    lines += _section("verification", card.get("verification") or "not verified")
    for key, value in card.items():
        if key not in known and value is not None:
            lines += _section(key, value)
    lines += [_line("note", note) for note in source.get("notes") or ()]
    return "\n".join([*lines, "schedule", *(f"  {line}" for line in card["schedule"]["text"].splitlines())])


def _type_name(dtype: str) -> str:
    return {"<f4": "float32", "<f8": "float64"}.get(dtype, dtype)


def _line(name: str, value: object) -> str:
    return f"{name:<14}{value}"


def _section(name: str, value: object) -> list[str]:
    if not isinstance(value, dict):
        return [_line(name, value)]
    lines: list[str] = []
    for number, (key, entry) in enumerate(cast("dict[str, object]", value).items()):
        lines.append(_line("" if number else name, f"{key.replace('_', ' ')}: {_plain(entry)}"))
    return lines


def _plain(value: object) -> str:
    """A number, a list or a table in one line of words."""
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value).items()
        return ", ".join(f"{key.replace('_', ' ')} {_plain(entry)}" for key, entry in entries)
    if isinstance(value, list):
        return ", ".join(_plain(entry) for entry in cast("list[object]", value))
    return f"{value:,}" if type(value) is int else str(value)
