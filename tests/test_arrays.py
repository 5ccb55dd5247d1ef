"""numpy arrays as messages."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from pairs import Pair, open_pair

import smipc

ARRAYS = {
    "float32": np.linspace(0, 1, 100, dtype=np.float32),
    "two dimensions": np.arange(12, dtype=np.int16).reshape(3, 4),
    "Fortran order": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "no dimension": np.array(7),
    "empty": np.empty((0, 3)),
    "every other": np.arange(20)[::2],
    "backwards": np.arange(20)[::-1],
    "big-endian": np.arange(5, dtype=">i4"),
    "structure": np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "dates": np.array(["2026-01-01", "NaT"], dtype="M8[D]"),
    "text": np.array(["a", "bcd"]),
    "bytes": np.array([b"a", b"bcd"]),
    "booleans": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "many dimensions": np.ones((1,) * 30),
    "transposed": np.arange(6).reshape(2, 3).T,
    "read-only": np.frombuffer(b"12345678", np.uint16),
}


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays_come_as_they_were(pair: Pair, array: np.ndarray) -> None:
    writer, reader = pair
    writer.send_array(array)
    received = reader.recv_array()
    assert same(received, array)
    assert received.flags.writeable
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    assert received.flags.f_contiguous if fortran else received.flags.c_contiguous
    out = np.empty_like(array)
    writer.send_array(array)
    assert reader.recv_array(out=out) is out
    assert same(out, array)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_a_message_is_a_npy_file(pair: Pair, array: np.ndarray) -> None:
    writer, reader = pair
    writer.send_array(array)
    assert same(np.load(io.BytesIO(reader.recv()), allow_pickle=False), array)
    file = io.BytesIO()
    np.save(file, array)
    writer.send(file.getvalue())
    assert same(reader.recv_array(), array)


@pytest.mark.parametrize("capacity", [1, 20, 100, 3000])
def test_arrays_larger_than_the_channel(name: bytes, capacity: int) -> None:
    array = np.arange(5 * capacity + 100, dtype=np.int32)
    writer, reader = open_pair(name, capacity)
    with writer, reader:
        sender = threading.Thread(target=lambda: [writer.send_array(array) for _ in range(3)])
        sender.start()
        assert same(reader.recv_array(), array)
        out = np.zeros_like(array)
        reader.recv_array(out=out)
        assert same(out, array)
        gaps = np.zeros(2 * len(array), np.int32)[::2]
        reader.recv_array(out=gaps)
        assert same(gaps, array)
        sender.join()


def test_arrays_among_fetched_messages(pair: Pair) -> None:
    writer, reader = pair
    array = np.arange(10)
    out = np.zeros_like(array)
    writer.send(b"first")
    for _ in range(3):
        writer.send_array(array)
    writer.send(b"last")
    assert reader.recv() == b"first"  # and fetches the others
    assert same(reader.recv_array(), array)
    assert same(reader.recv_array(out=out), array)
    with reader.peek_array() as view:
        assert same(view, array)
        del view
    assert reader.recv() == b"last"


def test_array_likes(pair: Pair) -> None:
    writer, reader = pair
    for thing in ([1, 2, 3], 5.5, np.float32(3), memoryview(b"abc")):
        writer.send_array(thing)
        assert same(reader.recv_array(), np.asarray(thing))


def test_arrays_of_python_objects_are_refused(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    for array in (np.array([{}]), np.zeros(2, dtype=[("a", object)])):
        with pytest.raises(smipc.InvalidTypeError, match=name.decode()):
            writer.send_array(array)
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    writer.send(file.getvalue())
    with pytest.raises(smipc.MessageFormatError):
        reader.recv_array()


def test_arrays_whose_dtype_a_npy_file_cannot_say_are_refused(pair: Pair, name: bytes) -> None:
    writer, _ = pair
    for dtype in (
        {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2]},
        {"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [4, 0]},
    ):
        with pytest.raises(smipc.InvalidArgumentError, match=f"{name.decode()}.*offsets"):
            writer.send_array(np.zeros(2, dtype))


def message_of(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def message_with(shape: str, elements: bytes = b"", descr: str = "'<i8'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + elements


GOOD = message_of(np.arange(10, dtype=np.int64))
BAD = {
    "empty": b"",
    "text": b"hello",
    "cut off in the header": GOOD[:50],
    "cut off": GOOD[:-1],
    "too long": GOOD + b"x",
    "no dictionary": GOOD.replace(b"{", b"["),
    "another version": GOOD.replace(b"NUMPY\1", b"NUMPY\7"),
    "a negative shape": GOOD.replace(b"(10,)", b"(-1,)"),
    "an expression": GOOD.replace(b"(10,)", b"f(1),"),
    "an endless shape": GOOD.replace(b"(10,), }", b"(9999999999,)}"[:8] + b"}"),
    "a length beyond all": message_with(f"(0, {10**19})"),
    "a length beyond all of that dtype": message_with(f"(0, {2**61})"),
    "elements that are arrays": message_with("(5,)", bytes(80), "('<i8', (2,))"),
    "too many dimensions": message_with(f"({70 * '1,'})", bytes(8)),
    "a truth for a length": message_with("(True,)", bytes(8)),
    "no dtype": GOOD.replace(b"<i8", b"<q9"),
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("into", [False, True])
def test_what_is_no_array_stays(pair: Pair, name: bytes, message: bytes, into: bool) -> None:
    writer, reader = pair
    out = np.zeros(10, np.int64) if into else None
    writer.send_many([message, b"next"])
    for _ in range(2):
        with pytest.raises(smipc.MessageFormatError, match=name.decode()):
            reader.recv_array(out=out)
    assert [reader.recv(), reader.recv()] == [message, b"next"]


@pytest.mark.parametrize(
    "out",
    [np.zeros(9, np.int64), np.zeros((10, 1), np.int64), np.zeros(10, np.int32)],
    ids=["length", "shape", "dtype"],
)
def test_an_array_that_does_not_fit_stays(name: bytes, out: np.ndarray) -> None:
    for capacity in (50, 65536):
        writer, reader = open_pair(name, capacity)
        with writer, reader:
            array = np.arange(10, dtype=np.int64)
            sender = threading.Thread(target=writer.send_array, args=(array,))
            sender.start()
            with pytest.raises(smipc.InvalidArgumentError, match=r"\(10,\) of int64"):
                reader.recv_array(out=out)
            assert same(reader.recv_array(), array)
            sender.join()


def test_what_out_may_be(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    writer.send_array(np.arange(10))
    read_only = np.arange(10)
    read_only.flags.writeable = False
    with pytest.raises(smipc.InvalidArgumentError, match="read-only"):
        reader.recv_array(out=read_only)
    with pytest.raises(smipc.InvalidTypeError, match="bytearray"):
        reader.recv_array(out=bytearray(80))
    assert same(reader.recv_array(), np.arange(10))


def nested() -> np.ndarray:
    return np.zeros(2, [("a", [("x", "i4")]), ("b", "f8")])


def rename(dtype: np.dtype) -> None:
    """In place: for all who have this dtype."""
    dtype.fields["a"][0].names = ("inner",)
    dtype.names = ("c", "d")


@pytest.mark.parametrize("peeked", [False, True])
def test_renaming_fields_of_one_array_does_not_rename_those_of_the_next(
    pair: Pair, peeked: bool
) -> None:
    writer, reader = pair
    for _ in range(2):
        writer.send_array(nested())
        if peeked:
            with reader.peek_array() as array:
                assert array.dtype == nested().dtype
                rename(array.dtype)
                del array
        else:
            array = reader.recv_array()
            assert array.dtype == nested().dtype
            rename(array.dtype)


def test_fields_that_were_renamed_are_sent_as_they_are_called_now(pair: Pair) -> None:
    writer, reader = pair
    array = nested()
    writer.send_array(array)
    assert same(reader.recv_array(), array)
    array.dtype.fields["a"][0].names = ("inner",)
    writer.send_array(array)
    assert same(reader.recv_array(), array)


def test_many_different_headers(pair: Pair) -> None:
    writer, reader = pair
    for size in range(600):
        writer.send_array(np.zeros(size, np.uint8))
        assert reader.recv_array().shape == (size,)


def test_there_need_be_memory_only_for_what_comes(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = pair
    for size in (5000, 3):
        writer.send_array(np.arange(size))
    large = reader.recv_array()
    empty = np.empty

    def short_of_memory(shape: object, dtype: object) -> np.ndarray:
        if shape == large.shape:
            raise MemoryError
        return empty(shape, dtype)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(np, "empty", short_of_memory)
    assert same(reader.recv_array(), np.arange(3))


def test_timeouts(pair: Pair) -> None:
    _, reader = pair
    for timeout in (0, 0.06):
        with pytest.raises(smipc.TimedOutError):
            reader.recv_array(timeout)
        with pytest.raises(smipc.TimedOutError):
            reader.recv_array(timeout, out=np.zeros(1))
