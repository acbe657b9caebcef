"""Hostile pickles run nothing, crash nothing, and end in a ModelError."""

# pyright: basic

from __future__ import annotations

import builtins
import copyreg
import io
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treec.errors import ModelError
from treec.frontends import pickle_machine
from treec.frontends.load import load_model
from treec.frontends.pickles import read_pickle, refuse_unexpected


class Call:
    """Pickles as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


class CallThenState(Call):
    def __reduce__(self) -> Any:
        return (*self.call, {"x": Call(os.system, "exit 1")})


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def calls(canary: Path) -> dict[str, Any]:
    make = f"open({str(canary)!r}, 'w').close()"
    return {
        "system": Call(os.system, f"touch {canary}"),
        "eval": Call(eval, make),
        "exec": Call(exec, make),
        "open": Call(open, str(canary), "w"),
        "popen": Call(subprocess.Popen, ["touch", str(canary)]),
        "import": Call(builtins.__import__, "os"),
        "getattr": Call(getattr, Call(builtins.__import__, "os"), "system"),
        "state": CallThenState(eval, make),
        "map": Call(list, Call(map, os.system, [f"touch {canary}"])),
        "numpy": Call(np.fromfile, str(canary)),
        "unpickler": Call(pickle.loads, pickle.dumps(Call(os.system, f"touch {canary}"))),
    }


NAMES = sorted(calls(Path("x")))
PLACES = ["root", "list", "dict", "array", "state"]


class Holder:
    def __init__(self, value: Any) -> None:
        self.value = value


def put(evil: Any, where: str) -> Any:
    if where == "array":
        array = np.empty(1, object)
        array[0] = evil
        return array
    return {"root": evil, "list": [evil], "dict": {"a": evil}, "state": Holder(evil)}[where]


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_a_call_anywhere_is_refused_by_name_and_not_made(name: str, where: str, protocol: int, canary: Path) -> None:
    data = pickle.dumps(put(calls(canary)[name], where), protocol)
    with pytest.raises(ModelError, match="refused") as caught:
        refuse_unexpected(read_pickle(data, place="evil.pkl"))
    assert "trust=True" in str(caught.value)
    with pytest.raises(ModelError):
        load_model(data)
    assert not canary.exists()


@pytest.mark.parametrize("compress", [0, 3])
@pytest.mark.parametrize("where", PLACES)
def test_a_call_in_a_joblib_file_is_not_made(where: str, compress: int, canary: Path) -> None:
    joblib = pytest.importorskip("joblib")
    buffer = io.BytesIO()
    joblib.dump(put(calls(canary)["system"], where), buffer, compress=compress)
    with pytest.raises(ModelError, match="refused: the pickle refers to"):
        load_model(buffer.getvalue())
    assert not canary.exists()


@pytest.mark.parametrize("place", ["estimator", "tree", "classes"])
def test_a_call_inside_a_real_estimator_is_refused(place: str, canary: Path) -> None:
    pytest.importorskip("sklearn")
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(n_estimators=2).fit([[0.0], [1.0], [2.0]], [0, 1, 2])
    evil = Call(os.system, f"touch {canary}")
    if place == "estimator":
        model.random_state = evil
    elif place == "tree":
        model.estimators_[1, 2].random_state = evil
    else:
        model.classes_ = put(evil, "array")
    with pytest.raises(ModelError, match=r"system"):
        load_model(pickle.dumps(model))
    assert not canary.exists()


def text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def name(module: str, qualname: str) -> bytes:
    return text(module) + text(qualname) + b"\x93"


SYSTEM = b"cos\nsystem\n"
ARRAY = b"\x80\x04" + name("numpy._core.multiarray", "_reconstruct") + name("numpy", "ndarray")
FLOAT64 = (
    name("numpy", "dtype")
    + text("f8")
    + b"\x89\x88\x87R"
    + b"(K\x03"
    + text("<")
    + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)
STREAMS: dict[str, bytes] = {
    "INST": b"(X\x01\x00\x00\x00xios\nsystem\n.",
    "OBJ": b"(" + SYSTEM + b"X\x01\x00\x00\x00xo.",
    "NEWOBJ": b"\x80\x02" + SYSTEM + b"X\x01\x00\x00\x00x\x85\x81.",
    "NEWOBJ_EX": b"\x80\x04" + SYSTEM + b")}\x92.",
    "NEWOBJ_EX keywords": b"\x80\x04" + SYSTEM + b")}" + text("shell") + b"\x88s\x92.",
    "persistent id": b"Pid\n.",
    "binary persistent id": b"NQ.",
    "EXT1": b"\x80\x02\x82\x01.",
    "EXT2": b"\x80\x02\x83\x01\x00.",
    "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "read-only buffer": b"\x80\x05N\x98.",
    "BUILD on a name": SYSTEM + b"}b.",
    "BUILD on a list": b"]}b.",
    "BUILD on text": b"Vx\n}b.",
    "BUILD twice": b"\x80\x02csklearn.tree\nT\n)\x81}b}b.",
    "call of a result": b"\x80\x02" + SYSTEM + b")R)R.",
    "call of text": b"Vx\n)R.",
    "call with a list": SYSTEM + b"]R.",
    "append to a tuple": b")Na.",
    "setitem on a list": b"]NNs.",
    "unhashable key": b"}]Ns.",
    "nested tuple as a key": b"}" + b")" + b"\x85" * 300_000 + b"Ns.",
    "nested tuple in a set": b"\x8f(" + b")" + b"\x85" * 300_000 + b"\x90.",
    "huge integer key": b"}\x8b" + struct.pack("<i", 2000) + b"\x01" * 2000 + b"Ns.",
    "huge integer": b"\x8b" + struct.pack("<i", 5000) + b"\x01" * 5000 + b".",
    "negative integer size": b"\x8b" + struct.pack("<i", -5) + b".",
    "decimal bomb": b"I" + b"9" * 100_000 + b"\n.",
    "claimed text": b"\x8d" + struct.pack("<Q", 1 << 62) + b"x.",
    "claimed bytes": b"\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
    "claimed bytearray": b"\x96" + struct.pack("<Q", 1 << 62) + b"x.",
    "empty stack": b".",
    "POP of nothing": b"0.",
    "no mark": b"t.",
    "odd dict": b"(Nd.",
    "unknown memo": b"h\x05.",
    "bad escape": b"V\\u12\n.",
    "bad utf-8": b"X\x01\x00\x00\x00\xff.",
    "unknown opcode": b"\xf0.",
    "protocol 6": b"\x80\x06N.",
    "Python 2 text": b"S'x'\n.",
    "shape claims 8 EiB": ARRAY
    + b"K\x00\x85C\x01b\x87R(K\x01\x8a\x08"
    + b"\x00" * 7
    + b"\x10\x85"
    + FLOAT64
    + b"\x89C\x01xtb.",
    "shape overflows": ARRAY
    + b"K\x00\x85C\x01b\x87R(K\x01"
    + b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f" * 3
    + b"\x87"
    + FLOAT64
    + b"\x89C\x01xtb.",
    "negative shape": ARRAY + b"K\x00\x85C\x01b\x87R(K\x01J\xff\xff\xff\xff\x85" + FLOAT64 + b"\x89C\x00tb.",
    "wrong array class": b"\x80\x04"
    + name("numpy._core.multiarray", "_reconstruct")
    + SYSTEM
    + b"K\x00\x85C\x01b\x87R(K\x01)NNNtb.",
    "object dtype over bytes": b"\x80\x05"
    + name("numpy._core.numeric", "_frombuffer")
    + b"(C\x08abcdefgh"
    + name("numpy", "dtype")
    + text("O8")
    + b"\x89\x88\x87R(K\x03"
    + text("|")
    + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tbK\x01\x85"
    + text("C")
    + b"tR.",
    "dtype of a name": name("numpy", "dtype") + SYSTEM + b"\x89\x88\x87R(K\x03" + text("<") + b"NNNNNK\x00tb.",
    "scalar of a name": name("numpy._core.multiarray", "scalar") + SYSTEM + b"C\x08abcdefgh\x86R.",
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_hostile_stream_is_an_error_and_no_more(stream: str) -> None:
    with pytest.raises(ModelError) as caught:
        refuse_unexpected(read_pickle(STREAMS[stream], place="evil"))
    assert caught.value.place is not None
    assert caught.value.place.startswith("evil: byte")


def test_the_extension_registry_is_not_used_even_where_it_is_filled(canary: Path) -> None:
    copyreg.add_extension("os", "system", 0x7EAC)
    try:
        copyreg._extension_cache[0x7EAC] = os.system  # type: ignore[attr-defined]
        data = b"\x80\x02\x83" + struct.pack("<H", 0x7EAC) + text(f"touch {canary}") + b"\x85R."
        with pytest.raises(ModelError, match="extension registry"):
            load_model(data)
    finally:
        copyreg.remove_extension("os", "system", 0x7EAC)
        copyreg.clear_extension_cache()
    assert not canary.exists()


def test_deep_nesting_neither_recurses_nor_crashes() -> None:
    depth = 500_000
    root = read_pickle(b"]" * depth + b"a" * (depth - 1) + b".").root
    assert type(root) is list
    with pytest.raises(ModelError, match="a list"):
        load_model(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    deep = (
        b"\x80\x02"
        + b"csklearn.tree\nT\n" * 1
        + b"q\x00)\x81"
        + (b"}" + text("x") + b"h\x00)\x81") * 50_000
        + b"sb" * 50_000
        + b"."
    )
    with pytest.raises(ModelError, match=r"sklearn\.tree\.T"):
        load_model(deep)


def test_a_list_that_holds_itself_is_only_a_wrong_model() -> None:
    with pytest.raises(ModelError, match="a list"):
        load_model(b"\x80\x02]q\x00h\x00a.")


def test_copies_of_one_long_value_stop_at_a_budget() -> None:
    items = b"(" + b"N" * 100_000 + b"l" + b"q\x00"
    again = b"c__builtin__\nlist\nh\x00\x85R"
    with pytest.raises(ModelError, match="over and over"):
        read_pickle(items + again * 2000 + b".")


def test_the_number_of_steps_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_machine, "MAX_OPCODES", 1000)
    with pytest.raises(ModelError, match="more than 1000 steps"):
        read_pickle(b"N" * 2000 + b".")


def joblib_wrapper(shape: bytes, dtype: bytes = FLOAT64, tail: bytes = b"") -> bytes:
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    fields = text("subclass") + name("numpy", "ndarray") + text("shape") + shape + text("order") + text("C")
    fields += text("dtype") + dtype + text("allow_mmap") + b"\x89" + text("numpy_array_alignment_bytes") + b"K\x10"
    return b"\x80\x04" + wrapper + fields + b"ub" + tail


def test_a_joblib_array_is_bounded_by_its_file() -> None:
    huge = b"\x8a\x06\xff\xff\xff\xff\xff\x7f\x85"
    with pytest.raises(ModelError, match="bytes, and"):
        read_pickle(joblib_wrapper(huge, tail=b"\x01\xff" + bytes(16) + b"."))
    good = read_pickle(joblib_wrapper(b"K\x02\x85", tail=b"\x01\xff" + bytes(16) + b".")).root
    assert good.tolist() == [0.0, 0.0]
    with pytest.raises(ModelError, match="missing here"):
        read_pickle(joblib_wrapper(b"K\x02\x85", tail=b"\xff\xff"))


def test_joblib_arrays_of_objects_nest_to_a_limit() -> None:
    objects = (
        name("numpy", "dtype")
        + text("O8")
        + b"\x89\x88\x87R(K\x03"
        + text("|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    )
    with pytest.raises(ModelError, match="too deeply"):
        read_pickle(joblib_wrapper(b"K\x01\x85", objects) * 5000 + b".")
    with pytest.raises(ModelError, match="an array of objects was expected"):
        read_pickle(joblib_wrapper(b"K\x01\x85", objects, tail=b"\x80\x04N.") + b".")


def test_reading_imports_nothing() -> None:
    data = pickle.dumps(Call(os.system, "true"), 2).replace(b"posix", b"wave_").replace(b"nt\n", b"wave_\n")
    script = (
        "import sys; from treec.frontends.pickles import read_pickle\n"
        f"before = set(sys.modules); read_pickle({data!r}); print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_random_damage_to_a_real_model_never_escapes_as_another_error() -> None:
    pytest.importorskip("sklearn")
    from sklearn.ensemble import RandomForestClassifier

    rows = np.arange(40.0).reshape(20, 2)
    model = RandomForestClassifier(2, random_state=0).fit(rows, np.arange(20) % 3)
    rng = np.random.default_rng(0)
    refused = 0
    for protocol in (0, 2, 5):
        whole = pickle.dumps(model, protocol)
        for _ in range(150):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), rng.integers(1, 4)):
                data[at] = rng.integers(256)
            try:
                load_model(bytes(data)).forest.check()
            except ModelError:
                refused += 1
    assert 50 < refused < 450
