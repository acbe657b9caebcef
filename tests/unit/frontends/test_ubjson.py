import struct
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treec.errors import ModelError
from treec.frontends import ubjson


def length(n: int) -> bytes:
    return b"L" + struct.pack(">q", n)


def text(value: str) -> bytes:
    return length(len(value.encode())) + value.encode()


def encode(value: Any) -> bytes:
    """As XGBoost writes: int64 lengths, counted arrays, open objects."""
    if isinstance(value, dict):
        items = cast(dict[str, Any], value).items()
        return b"{" + b"".join(text(k) + encode(v) for k, v in items) + b"}"
    if isinstance(value, list):
        members = cast(list[Any], value)
        return b"[#" + length(len(members)) + b"".join(map(encode, members))
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, bool) or value is None:
        return {None: b"Z", True: b"T", False: b"F"}[value]
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    return b"D" + struct.pack(">d", value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_was_written_is_read(value: Any):
    assert ubjson.loads(encode(value)) == value


@given(VALUES, st.data())
def test_a_truncated_value_is_a_model_error(value: Any, data: st.DataObject):
    whole = encode(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ModelError, match="not a sound UBJSON file"):
        ubjson.loads(whole[:cut])


@given(
    st.binary(max_size=60)
    | st.binary(max_size=60).map(lambda tail: b"{" + tail)
    | st.binary(max_size=60).map(lambda b: b"[$" + b)
)
def test_any_bytes_give_a_value_or_a_model_error(data: bytes):
    with suppress(ModelError):
        ubjson.loads(data)


@pytest.mark.parametrize(
    ("marker", "code", "dtype"),
    [
        *(("d", "f", np.float32), ("D", "d", np.float64), ("i", "b", np.int8), ("U", "B", np.uint8)),
        *(("I", "h", np.int16), ("l", "i", np.int32), ("L", "q", np.int64)),
    ],
)
def test_a_typed_array_is_a_native_numpy_array(marker: str, code: str, dtype: type):
    found = ubjson.loads(b"[$" + marker.encode() + b"#" + length(3) + struct.pack(f">3{code}", 1, 2, 100))
    assert found.dtype == np.dtype(dtype)
    assert found.dtype.isnative
    assert found.tolist() == [1, 2, 100]
    found[0] = 7  # a copy, that does not write into the file's bytes


def test_open_arrays_and_counted_objects_are_read():
    assert ubjson.loads(b"[i\x01U\xffZ]") == [1, 255, None]
    assert ubjson.loads(b"{#i\x02i\x01aTi\x01bCx") == {"a": True, "b": "x"}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "more bytes are needed"),
        (b"Zx", "1 bytes after the end"),
        (b"N", "unknown marker 'N'"),
        (b"H", "unknown marker 'H'"),
        (b"[$d]", "no count"),
        (b"[$Z#" + length(2**62), "claims"),
        (b"[$Z#" + length(2) + b"ab", "array of type 'Z'"),
        (b"[$d#" + length(2) + b"1234567", "more bytes are needed"),
        (b"[#" + length(2**40), "claims"),
        (b"[#" + length(-1), "negative"),
        (b"S" + length(1) + b"\xff", "not UTF-8"),
        (b"Sd\x00\x00\x00\x00", "a length has the marker 'd'"),
        (b"{" + text("a") + b"Z" + text("a") + b"Z}", "the key 'a' is there twice"),
        (b"{$i#i\x01i\x01a\x01", "typed object"),
        (b"[" * 100_000, "nests deeper"),
    ],
)
def test_unsound_bytes_are_refused_with_their_place(data: bytes, what: str):
    with pytest.raises(ModelError, match=what) as caught:
        ubjson.loads(data, place="model.ubj")
    assert caught.value.place is not None
    assert caught.value.place.startswith("model.ubj: byte ")
