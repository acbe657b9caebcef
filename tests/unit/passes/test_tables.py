"""Tables of several layouts: each content once, each name once."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from treec.passes.loop.tables import Tables
from treec.treeir.blob import BlobAttr


def test_equal_content_under_one_name_is_one_table() -> None:
    module = ModuleOp([])
    tables = Tables(module.body.block)
    first = tables.of("nodes", np.arange(4))
    assert tables.of("nodes", BlobAttr.of(np.arange(4))) is first
    assert tables.of("nodes", np.arange(4).reshape(2, 2)) is first
    assert len(list(module.ops)) == 1


def test_other_content_under_a_name_gets_a_name_of_its_own() -> None:
    module = ModuleOp([])
    tables = Tables(module.body.block)
    contents = [np.arange(4), np.arange(5), np.arange(4, dtype=np.int32)]
    made = [tables.of("nodes", content) for content in contents]
    assert [table.sym_name.data for table in made] == ["nodes", "nodes_2", "nodes_3"]
    assert [tables.of("nodes", content) for content in contents] == made
    module.verify()
