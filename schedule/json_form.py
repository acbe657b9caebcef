"""Directives as JSON: ``{"version": 1, "directives": [{"directive": "parallel", "loop": "block"}, …]}``.

A kernel block has the key ``directives`` itself. Strict in both directions: every argument is written, and a key that is
not known is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from treec.errors import ScheduleError
from treec.schedule.arguments import quoted, suggest
from treec.schedule.base import Directive, assemble
from treec.schedule.directives import DIRECTIVES
from treec.schedule.kernel import KernelWhen

VERSION = 1
_FORM = 'write {"version": 1, "directives": [{"directive": "parallel", "loop": "block"}, …]}, as `to_json` does'


def to_plain(directives: Iterable[Directive]) -> dict[str, Any]:
    """A schedule as dicts, lists, strings and numbers."""
    return {"version": VERSION, "directives": [_one_to_plain(d) for d in directives]}


def from_plain(plain: object, file: str = "<json>") -> tuple[Directive, ...]:
    """The directives that `to_plain` gave; raises `ScheduleError` with the number of the directive."""
    schedule = _object(plain, "a schedule", file)
    if set(schedule) != {"version", "directives"}:
        raise ScheduleError(
            f"a schedule has the keys `version` and `directives`, not {_keys(schedule)}", place=file, fix=_FORM
        )
    version = schedule["version"]
    if isinstance(version, bool) or version != VERSION:
        raise ScheduleError(
            f"version {quoted(version)} of the JSON form is not known",
            place=file,
            fix=f"this treec reads version {VERSION}",
        )
    return _many_from_plain(schedule["directives"], file, f"{file}: directive ")


def _many_from_plain(plain: object, place: str, prefix: str) -> tuple[Directive, ...]:
    if not isinstance(plain, list):
        raise ScheduleError("`directives` must be a list", place=place, fix=_FORM)
    items = cast("list[object]", plain)
    return tuple(_one_from_plain(item, f"{prefix}{n}") for n, item in enumerate(items, 1))


def to_json(directives: Iterable[Directive]) -> str:
    return json.dumps(to_plain(directives), indent=2)


def from_json(text: str, file: str = "<json>") -> tuple[Directive, ...]:
    """The directives of a JSON text; raises `ScheduleError`."""
    try:
        return from_plain(json.loads(text, object_pairs_hook=_unique), file)
    except json.JSONDecodeError as error:
        raise ScheduleError(f"not JSON: {error.msg}", place=f"{file}:{error.lineno}:{error.colno}", fix=_FORM) from None
    except (_DoubleKey, ValueError, RecursionError) as error:
        raise ScheduleError(f"not a schedule in JSON: {error}", place=file, fix=_FORM) from None


class _DoubleKey(Exception):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise _DoubleKey(f"the key `{twice}` stands twice in one object")
    return found


def _one_to_plain(directive: Directive) -> dict[str, Any]:
    values = {name: list(v) if isinstance(v, tuple) else v for name, v in directive.values().items()}
    plain: dict[str, Any] = {"directive": directive.keyword, **values}
    if isinstance(directive, KernelWhen):
        plain["directives"] = [_one_to_plain(d) for d in directive.directives]
    return plain


def _one_from_plain(plain: object, place: str) -> Directive:
    values = dict(_object(plain, "a directive", place))
    keyword = values.pop("directive", None)
    cls = DIRECTIVES.get(keyword) if isinstance(keyword, str) else None
    if cls is None:
        known = f"the directives are {', '.join(DIRECTIVES)}"
        guess = suggest(keyword, DIRECTIVES)
        reason = "a directive needs the key `directive`" if keyword is None else f"unknown directive {quoted(keyword)}"
        raise ScheduleError(reason, place=place, fix=f"{guess} {known}" if guess else known)
    inside: tuple[Directive, ...] | None = None
    if cls is KernelWhen:
        inside = _many_from_plain(values.pop("directives", None), place, f"{place}.")
    try:
        made = assemble(cls, values)
    except ScheduleError as error:
        error.place = place
        raise
    return replace(made, directives=inside) if isinstance(made, KernelWhen) and inside is not None else made


def _object(plain: object, what: str, place: str) -> dict[str, Any]:
    if isinstance(plain, dict):
        found = cast("dict[object, Any]", plain)
        if all(isinstance(key, str) for key in found):
            return cast("dict[str, Any]", found)
    raise ScheduleError(f"{what} in JSON is an object, not {quoted(cast('object', plain))}", place=place, fix=_FORM)


def _keys(plain: dict[str, Any]) -> str:
    return ", ".join(quoted(key) for key in plain) or "none"
