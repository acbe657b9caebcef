"""docs/passes.md and the passes agree."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from treec.passes.registry import get_all_passes
from treec.schedule.directives import DIRECTIVES

ROOT = Path(__file__).resolve().parents[3]


def sections() -> dict[str, str]:
    text = (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")
    return {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}


def test_the_page_has_a_section_per_pass_in_the_order_of_the_table() -> None:
    assert list(sections()) == list(get_all_passes())


@pytest.mark.parametrize("name", get_all_passes())
def test_a_section_names_every_option_and_what_the_pass_needs(name: str) -> None:
    section = sections()[name]
    for option in dataclasses.fields(get_all_passes()[name]()):
        if option.name == "kernel":  # of all passes over plans, described above the sections
            continue
        assert f"`{option.name}`" in section
    assert "- Needs: " in section


@pytest.mark.parametrize("name", get_all_passes())
def test_a_pass_is_registered_under_its_own_name_and_says_what_it_does(name: str) -> None:
    kind = get_all_passes()[name]()
    assert kind.name == name
    assert kind.__doc__


def test_every_directive_has_its_pass_in_the_table_of_the_page() -> None:
    page = (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")
    for directive in DIRECTIVES.values():
        assert f"[`{directive.pass_name}`](#{directive.pass_name}) | `{directive.keyword}` |" in page
