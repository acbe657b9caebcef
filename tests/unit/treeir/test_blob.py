"""Blobs: arrays in the IR come back bit for bit, from text, from memory and from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError

from treec.treeir.blob import INLINE_BYTES, STORE, Blob, BlobAttr, BlobStore
from treec.treeir.forest import Forest

RECORD = np.dtype({"names": ["threshold", "word0"], "formats": ["<f4", "<u2"], "offsets": [0, 4], "itemsize": 8})
ODD = np.array([0x7FC00001, 0x80000000, 0x7F800000, 0xFF800000, 1], np.uint32).view(np.float32)


def parse(text: str) -> BlobAttr:
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(Forest)
    attribute = Parser(context, text).parse_attribute()
    assert isinstance(attribute, BlobAttr)
    return attribute


@pytest.mark.parametrize(
    "array",
    [
        ODD,
        ODD.astype(np.float64).reshape(5, 1),
        np.zeros((0, 3), np.int32),
        np.array(7, np.uint8),
        np.array([True, False]),
        np.zeros(3, RECORD),
        np.tile(ODD, 100),
        np.arange(60, dtype=np.int64).reshape(3, 4, 5).transpose(2, 0, 1),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_comes_back_from_its_text(array: NDArray[Any]) -> None:
    attribute = BlobAttr.of(array)
    again = parse(str(attribute))
    assert again == attribute
    assert again.array.dtype == array.dtype
    assert again.array.shape == array.shape
    assert again.array.tobytes() == array.tobytes()
    assert ('"0x' in str(attribute)) == (array.nbytes <= INLINE_BYTES)


def test_a_blob_is_read_only_and_shares_memory() -> None:
    array = np.arange(10)
    blob = Blob(array)
    assert np.shares_memory(blob.array, array)
    with pytest.raises(ValueError, match="read-only"):
        blob.array[0] = 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.array([0.0]), np.array([-0.0])),
        (np.array([1, 2], np.int32), np.array([1, 2], np.uint32)),
        (np.zeros((2, 1)), np.zeros((1, 2))),
        (np.zeros(2, RECORD), np.zeros(2, np.int64)),
    ],
)
def test_equality_is_of_bits_dtype_and_shape(left: NDArray[Any], right: NDArray[Any]) -> None:
    assert Blob(left) == Blob(left.copy())
    assert hash(Blob(left)) == hash(Blob(left.copy()))
    assert Blob(left) != Blob(right)


def test_an_array_is_found_in_a_folder_by_its_digest(tmp_path: Path) -> None:
    blob = Blob(np.arange(1000, dtype=np.float32))
    store = BlobStore()
    path = store.save(blob, tmp_path / "blobs")
    assert path.name == f"{blob.digest}.npy"
    assert store.find(blob.digest) is None
    store.add_folder(path.parent)
    found = store.find(blob.digest)
    assert found == blob
    assert store.find(blob.digest) is found


def test_a_file_with_another_content_than_its_name_says_is_not_taken(tmp_path: Path) -> None:
    digest = Blob(np.arange(1000)).digest
    np.save(tmp_path / f"{digest}.npy", np.arange(1001))
    store = BlobStore()
    store.add_folder(tmp_path)
    assert store.find(digest) is None


def test_a_pickle_in_a_blob_file_is_not_run(tmp_path: Path) -> None:
    digest = "0" * 32
    np.save(tmp_path / f"{digest}.npy", np.array([{}], object), allow_pickle=True)
    store = BlobStore()
    store.add_folder(tmp_path)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        store.find(digest)


def test_memory_of_unused_blobs_is_given_back() -> None:
    attribute = BlobAttr.of(np.arange(1000) * 3)
    digest = attribute.data.digest
    str(attribute)
    assert STORE.find(digest) is attribute.data
    del attribute
    assert STORE.find(digest) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('#forest.blob<"<f4", [2], "0x00000000">', "inline array does not fit its dtype and shape"),
        ('#forest.blob<"<f4", [1], "0xzz">', "inline array does not fit its dtype and shape"),
        ('#forest.blob<"<q4", [1], "0x00">', "unknown dtype"),
        ('#forest.blob<"a:0:<f4;b", [1], "0x00">', "unknown dtype"),
        ('#forest.blob<"<f4", [99], @"ffffffffffffffffffffffffffffffff">', "is not loaded"),
    ],
)
def test_wrong_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse(text)


def test_an_array_of_another_shape_than_the_text_says_is_refused() -> None:
    attribute = BlobAttr.of(np.arange(100))
    text = str(attribute).replace("[100]", "[101]")
    with pytest.raises(ParseError, match="another dtype or shape than the text says"):
        parse(text)
