"""Sound pickles and joblib files come out as the data that went in."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zlib
from collections import OrderedDict, defaultdict
from typing import Any, cast

import numpy as np
import pytest

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends import pickle_packed
from treec.frontends.pickles import Name, Recorded, attributes, looks_like_pickle, read_pickle

PROTOCOLS = range(6)
RECORD = np.dtype({"names": ["a", "b"], "formats": ["<i8", "u1"], "offsets": [0, 8], "itemsize": 16})
ARRAYS: list[np.ndarray[Any, Any]] = [
    np.arange(12.0).reshape(3, 4),
    np.asfortranarray(np.arange(12, dtype=np.int32).reshape(3, 4)),
    np.arange(5, dtype=">f4"),
    np.zeros((0, 3)),
    np.array(3.5),
    np.array(["one", "three"]),
    np.array([b"x", b"yz"]),
    np.array([True, False]),
    np.array([(1, 2), (-3, 4)], RECORD),
    np.array(["a", 1, None, 2.5], object),
    np.arange(100_000),
]


class Thing:
    """Not importable by the reader: it must not try."""

    def __init__(self) -> None:
        self.rows = np.arange(3)
        self.me = self


def equal(value: Any, wanted: np.ndarray[Any, Any]) -> None:
    assert isinstance(value, np.ndarray)
    found = cast("np.ndarray[Any, Any]", value)
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.kind}{a.shape}")
def test_arrays_of_every_protocol_are_read_to_the_last_bit(array: np.ndarray[Any, Any], protocol: int) -> None:
    found, again = read_pickle(pickle.dumps([array, array], protocol)).root
    equal(found, array)
    assert again is found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_of_every_protocol_are_read(protocol: int) -> None:
    value: dict[Any, Any] = {
        "text": "naïve \U0001f333\n",
        "long text": "x" * 70_000,
        "bytes": b"\x00\xff",
        "numbers": [0, -1, 255, 65535, -(2**31), 2**63, -(2**200), 1.5, float("inf"), 3 + 4j, True, False, None],
        "tuple": (1, (2, 3, 4, 5), ()),
        "set": {1, "a"},
        "frozen": frozenset([2]),
        "array": bytearray(b"abc"),
        "ordered": OrderedDict(a=1),
        "default": defaultdict(list, b=[2]),
        "scalar": np.float64(0.1),
        (1, "key"): np.int32(7),
    }
    assert read_pickle(pickle.dumps(value, protocol)).root == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_object_becomes_a_record_of_its_attributes(protocol: int) -> None:
    reading = read_pickle(pickle.dumps(Thing(), protocol))
    root = reading.root
    assert isinstance(root, Recorded)
    assert root.qualname == "Thing"
    found = attributes(root, place="test")
    equal(found["rows"], np.arange(3))
    assert found["me"] is root
    assert Name(root.module, "Thing") in reading.names


def test_long_byte_strings_are_views_of_the_file_and_arrays_are_read_only() -> None:
    data = pickle.dumps({"bytes": b"x" * 100_000, "array": np.arange(10)}, 4)
    found = read_pickle(data).root
    assert isinstance(found["bytes"], memoryview)
    assert found["bytes"].obj is data
    assert not found["array"].flags.writeable


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 1), ("bz2", 9), ("lzma", 1), ("xz", 1)], ids=str)
def test_joblib_files_are_read_whatever_their_compression(compress: Any, protocol: int) -> None:
    joblib = pytest.importorskip("joblib")
    inner = np.empty(2, object)
    inner[:] = [np.arange(4.0), "text"]
    buffer = io.BytesIO()
    joblib.dump({"arrays": ARRAYS, "nested": inner, "thing": Thing()}, buffer, compress=compress, protocol=protocol)
    reading = read_pickle(buffer.getvalue())
    assert reading.joblib
    for found, wanted in zip(reading.root["arrays"], ARRAYS, strict=True):
        equal(found, wanted)
    equal(reading.root["nested"][0], np.arange(4.0))
    equal(attributes(reading.root["thing"], place="")["rows"], np.arange(3))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickles_are_known_by_their_first_bytes(protocol: int) -> None:
    assert looks_like_pickle(pickle.dumps(Thing(), protocol))
    assert not looks_like_pickle(b'{"learner": {}}')
    assert not looks_like_pickle(b"tree\nversion=v4\n")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_truncation_is_an_error_that_says_so(protocol: int) -> None:
    data = pickle.dumps({"a": np.arange(20), "b": Thing(), "c": "text" * 30}, protocol)
    for size in range(len(data) - 1):
        with pytest.raises(ModelError, match="test: byte"):
            read_pickle(data[:size], place="test")


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(ModelError, match="3 bytes follow the end"):
        read_pickle(pickle.dumps(1) + b"abc")


def big_zeros(packer: str) -> bytes:
    zeros = bytes(3 << 20)
    if packer == "zlib":
        return zlib.compress(zeros, 9)
    return {"gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[packer](zeros)


@pytest.mark.parametrize("packer", ["zlib", "gzip", "bz2", "xz"])
def test_a_decompression_bomb_stops_at_the_limit(packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = big_zeros(packer)
    assert pickle_packed.packer(data) == packer
    assert len(pickle_packed.unpack(data, packer, place="")) == 3 << 20
    monkeypatch.setattr(pickle_packed, "FLOOR", 1 << 20)
    monkeypatch.setattr(pickle_packed, "MAX_RATIO", 2)
    with pytest.raises(ModelError, match="become more than"):
        pickle_packed.unpack(data, packer, place="")


@pytest.mark.parametrize("packer", ["zlib", "gzip", "bz2", "xz"])
def test_damaged_truncated_or_continued_compressed_data_is_refused(packer: str) -> None:
    data = big_zeros(packer)
    with pytest.raises(ModelError, match=r"truncated|damaged"):
        pickle_packed.unpack(data[:-6], packer, place="")
    with pytest.raises(ModelError, match=r"damaged|truncated"):
        pickle_packed.unpack(data[:12] + b"\xff\x00\xff" + data[15:], packer, place="")
    with pytest.raises(ModelError, match="4 bytes follow"):
        pickle_packed.unpack(data + b"more", packer, place="")


def test_lz4_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedModelError, match="lz4"):
        read_pickle(b"\x04\x22\x4d\x18" + bytes(20))
