"""SharedCircularBuffer: one writer, many readers, laps, deaths, and bad input."""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from children import Child

import smipc
from smipc import SharedCircularBuffer, _abi, circular_buffer

RESERVED, COMMITTED = 512, 520  # in the segment, as docs/shm-layout.md has them
needs_posix = pytest.mark.skipif(os.name == "nt", reason="what fork and kills leave")
needs_files = pytest.mark.skipif(os.name == "nt", reason="there it has no file")


@pytest.fixture
def writer(text: str) -> SharedCircularBuffer:
    return SharedCircularBuffer(text, create=True, item_size=4, length=5)


def test_items_come_in_order_and_the_oldest_go(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name)
    assert reader.popitem() is None
    for item in (1, 2**32 - 1):
        writer.push(item)
    assert [reader.popitem(), reader.popitem(), reader.popitem()] == [1, 2**32 - 1, None]
    for item in range(10):
        writer.push(item)
    assert reader.popmany(100) == [6, 7, 8, 9]
    assert reader.lost == 6
    assert reader.popmany(3) == []


def test_each_reader_has_its_own_position(writer: SharedCircularBuffer) -> None:
    readers = [SharedCircularBuffer(writer.name) for _ in range(64)]
    for item in range(3):
        writer.push(item)
    for taken, reader in enumerate(readers):
        assert reader.popmany(taken % 4) == list(range(taken % 4))[:3]
    assert {reader.available for reader in readers} == {0, 1, 2, 3}


def test_text(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name)
    assert str(writer) == f"SharedCircularBuffer ({writer.name})"
    assert str(reader) == f"SharedCircularBuffer ({writer.name}) (0.00% full)"
    writer.push(1)
    assert str(reader) == f"SharedCircularBuffer ({writer.name}) (25.00% full)"
    assert reader.usage == 0.25


def test_bytes_and_buffers(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name, item_size=4, length=5)
    writer.push_bytes(b"\0\0\0\1\0\0\0\2")
    assert reader.popitem() == 1
    room = bytearray(11)
    assert reader.pop_into(room) == 1
    assert room[:4] == b"\0\0\0\2"
    writer.push_bytes(memoryview(b"abcdefgh"))
    assert reader.pop_bytes(5) == b"abcdefgh"
    assert reader.pop_bytes(0) == b""


def test_arrays(text: str) -> None:
    numpy = pytest.importorskip("numpy")
    writer = SharedCircularBuffer(text, create=True, item_size=4, length=1001)
    reader = SharedCircularBuffer(text)
    writer.push_bytes(numpy.arange(1000, dtype=">u4"))
    out = numpy.zeros(600, dtype=">u4")
    assert reader.pop_into(out) == 600
    assert (out == numpy.arange(600)).all()
    assert reader.popitem() == 600


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 9, 16, 100])
def test_integers_of_any_size(text: str, size: int) -> None:
    writer = SharedCircularBuffer(text, create=True, item_size=size, length=20)
    one, many, raw = (SharedCircularBuffer(text) for _ in range(3))
    items = [0, 1, 255, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1]
    items += [min(2**number, items[-1]) for number in (31, 32, 62, 63, 64)]
    for item in items:
        writer.push(item)
    assert [one.popitem() for _ in items] == items
    assert many.popmany(100) == items
    assert raw.pop_bytes(100) == b"".join(item.to_bytes(size, "big") for item in items)
    assert one.popitem() is None
    assert one.lost == many.lost == 0


def test_what_has_an_index_is_an_integer(writer: SharedCircularBuffer) -> None:
    class Number:
        def __index__(self) -> int:
            return 300

    class Small(int):
        pass

    reader = SharedCircularBuffer(writer.name)
    writer.push(Number())  # type: ignore[arg-type]
    writer.push(Small(5))
    assert reader.popmany(9) == [300, 5]


@pytest.mark.parametrize("size", [1, 4, 8, 9, 24])
@pytest.mark.parametrize("by", [0, 1, 2**64, 2**200])
def test_what_does_not_fit_is_an_overflow(text: str, size: int, by: int) -> None:
    writer = SharedCircularBuffer(text, create=True, item_size=size)
    for item in (2 ** (8 * size) + by, -1 - by):
        with pytest.raises(OverflowError, match=f"{text}.* {item} .*{size} bytes"):
            writer.push(item)
    assert SharedCircularBuffer(writer.name).popitem() is None


def test_numbers_that_python_does_not_print(writer: SharedCircularBuffer) -> None:
    for item in (10**5000, -(10**5000)):
        with pytest.raises(OverflowError, match="16610 bits"):
            writer.push(item)
    with pytest.raises(smipc.InvalidArgumentError, match="16610 bits"):
        SharedCircularBuffer(writer.name).popmany(10**5000)


def test_a_large_integer_is_refused_by_the_wrong_end(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name)
    with pytest.raises((OverflowError, smipc.WriteOperationsForbidden)):
        reader.push(2**200)
    with pytest.raises(smipc.WriteOperationsForbidden):
        reader.push(2**40)


@pytest.mark.parametrize("item", [True, None, 1.0, "1", b"1"])
def test_what_is_no_integer_is_refused(writer: SharedCircularBuffer, item: object) -> None:
    with pytest.raises(TypeError, match="integer"):
        writer.push(item)  # type: ignore[arg-type]


def test_classes_and_arrays_are_no_integers(writer: SharedCircularBuffer) -> None:
    numpy = pytest.importorskip("numpy")
    for item in (int, numpy.array([5])):
        with pytest.raises(smipc.InvalidTypeError, match=re.escape(f"{writer.name}': an item")):
            writer.push(item)


def test_the_wrong_end(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name)
    for call in (lambda: reader.push(1), lambda: reader.push_bytes(b"1234")):
        with pytest.raises(smipc.WriteOperationsForbidden):
            call()
    for call in (
        writer.popitem,
        lambda: writer.popmany(1),
        lambda: writer.pop_bytes(1),
        lambda: writer.pop_into(bytearray(4)),
        lambda: writer.usage,
        lambda: writer.lost,
    ):
        with pytest.raises(smipc.ReadOperationsForbidden):
            call()
    assert issubclass(smipc.ReadOperationsForbidden, smipc.CBuffException)
    assert issubclass(smipc.WriteOperationsForbidden, io.UnsupportedOperation)


def test_a_reader_that_is_lapped_for_ever_is_told(
    writer: SharedCircularBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That the library gives this status is tested in C++ (circular_pop_test.cpp).
    for call in ("_pop_int", "_pop"):
        monkeypatch.setattr(circular_buffer, call, lambda *_: _abi.SMIPC_E_BUSY)
    reader = SharedCircularBuffer(writer.name)
    writer.push(1)
    for attempt in (reader.popitem, lambda: reader.pop_bytes(1), lambda: reader.popmany(1)):
        with pytest.raises(smipc.ReaderOvertaken) as caught:
            attempt()
        assert isinstance(caught.value, smipc.CBuffException)
        assert isinstance(caught.value, smipc.BusyError)


def test_one_writer_only(writer: SharedCircularBuffer) -> None:
    with pytest.raises(smipc.BufferAlreadyCreated, match=str(os.getpid())) as caught:
        SharedCircularBuffer(writer.name, create=True)
    assert isinstance(caught.value, FileExistsError)
    assert isinstance(caught.value, smipc.CBuffException)


@pytest.mark.parametrize(
    "wrong",
    [{"length": 1}, {"length": 0}, {"length": -1}, {"item_size": 0}, {"item_size": 2**32},
     {"length": 2**20, "item_size": 2**31}],
)  # fmt: skip
def test_impossible_sizes(text: str, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong)))):
        SharedCircularBuffer(text, create=True, **wrong)


@pytest.mark.parametrize("wrong", [{"length": 6}, {"item_size": 3}])
def test_sizes_that_contradict(writer: SharedCircularBuffer, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        SharedCircularBuffer(writer.name, **wrong)


@pytest.mark.parametrize("wrong", [{"length": 2.5}, {"item_size": "4"}, {"create": 1}])
def test_wrong_types(text: str, wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(wrong))):
        SharedCircularBuffer(text, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b"])
def test_impossible_names(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 200"):
        SharedCircularBuffer(name, create=True)
    with pytest.raises(smipc.InvalidArgumentError, match="udc80"):
        SharedCircularBuffer("\udc80")
    with pytest.raises(TypeError, match="int"):
        SharedCircularBuffer(7)  # type: ignore[arg-type]


def test_bad_buffers(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name)
    with pytest.raises(ValueError, match="5 bytes"):
        writer.push_bytes(b"12345")
    with pytest.raises(ValueError, match="3"):
        reader.pop_into(bytearray(3))
    with pytest.raises(TypeError):
        reader.pop_into(b"1234")
    with pytest.raises(ValueError, match="-1"):
        reader.popmany(-1)
    for call in (
        lambda: writer.push_bytes("1234"),  # type: ignore[arg-type]
        lambda: writer.push_bytes(memoryview(bytearray(8))[::2]),
        lambda: reader.pop_into(memoryview(bytearray(8))[::2]),
        lambda: reader.pop_into(memoryview(b"1234")),
    ):
        with pytest.raises((TypeError, ValueError), match=f"circular buffer '{writer.name}'"):
            call()
    assert reader.popitem() is None


def test_a_closed_one(writer: SharedCircularBuffer) -> None:
    name = writer.name
    reader = SharedCircularBuffer(name)
    writer.push(7)
    with writer:
        pass
    writer.cleanup()
    assert reader.popitem() == 7
    with pytest.raises(smipc.ClosedError):
        writer.push(1)
    with pytest.raises(FileNotFoundError):
        SharedCircularBuffer(name)
    reader.cleanup()
    with pytest.raises(smipc.ClosedError):
        reader.popitem()
    with pytest.raises(smipc.ClosedError):
        reader.__enter__()
    assert str(reader) == f"SharedCircularBuffer ({name})"


@needs_posix
def test_the_objects_of_a_parent(text: str, start_child: Callable[..., Child]) -> None:
    child = start_child(
        """
        name = arguments[0].decode()
        writer = SharedCircularBuffer(name, create=True, length=9)
        reader = SharedCircularBuffer(name)
        pid = os.fork()
        if pid == 0:
            try:
                for call in (lambda: writer.push(1), reader.popitem, lambda: reader.usage):
                    try:
                        call()
                    except ForkedError:
                        pass
                    else:
                        os._exit(1)
                if str(reader) != f"SharedCircularBuffer ({name})":
                    os._exit(2)
                writer.cleanup()  # it is not the child's
                SharedCircularBuffer(name).popitem()
                os._exit(0)
            finally:
                os._exit(3)
        say(os.waitpid(pid, 0)[1])
        writer.push(7)
        say(SharedCircularBuffer(name).popitem(), str(reader))
        """,
        text,
    )
    child.expect("0")
    child.expect(f"7 SharedCircularBuffer ({text}) (12.50% full)")
    child.finish()


@needs_posix
def test_a_new_shape_after_a_killed_writer(text: str, start_child: Callable[..., Child]) -> None:
    child = start_child(
        "kept = SharedCircularBuffer(arguments[0], create=True)\nsay('ready')\nhear()", text
    )
    child.expect("ready")
    child.end()
    with pytest.raises(ValueError, match=r"item_size is 1, not 4.*killed.*smipc clean"):
        SharedCircularBuffer(text, create=True, item_size=4)
    assert smipc.clean_stale() >= 1
    SharedCircularBuffer(text, create=True, item_size=4).cleanup()


def test_a_pickled_one_is_a_reader(writer: SharedCircularBuffer) -> None:
    writer.push(9)
    assert pickle.loads(pickle.dumps(writer)).popitem() == 9


def test_readers_see_that_the_writer_has_closed(writer: SharedCircularBuffer) -> None:
    reader = SharedCircularBuffer(writer.name)
    assert reader.writer_pid == os.getpid()
    writer.push(3)
    writer.cleanup()
    assert (reader.writer_pid, reader.popitem(), reader.popitem()) == (0, 3, None)


def test_the_writer_unlinks_at_exit(text: str, start_child: Callable[..., Child]) -> None:
    child = start_child(
        "kept = SharedCircularBuffer(arguments[0], create=True)\nsay('ready')\nhear()", text
    )
    child.expect("ready")
    reader = SharedCircularBuffer(text)
    child.say("go")
    child.finish()
    assert reader.popitem() is None
    with pytest.raises(FileNotFoundError):
        SharedCircularBuffer(text)


def test_writers_killed_under_load(text: str, start_child: Callable[..., Child]) -> None:
    reader = None
    last = 0
    for _ in range(5):
        child = start_child(
            """
            writer = SharedCircularBuffer(arguments[0], create=True, item_size=24, length=50)
            number = int(hear())
            say("ready")
            while True:
                number += 1
                writer.push_bytes(number.to_bytes(8, "big") * 3)
            """,
            text,
        )
        child.say(str(last + 1_000_000_000))
        child.expect("ready")
        reader = reader or SharedCircularBuffer(text)
        while (item := reader.pop_bytes(1)) == b"":
            pass
        child.process.kill()
        child.process.wait()
        while item:
            assert item == item[:8] * 3
            number = int.from_bytes(item[:8], "big")
            assert number > last
            last = number
            item = reader.pop_bytes(1)
    with SharedCircularBuffer(text, create=True) as successor:
        assert (successor.item_size, successor.length) == (24, 50)


def segment_of(name: str | bytes) -> Path:
    assert isinstance(name, str)
    [path] = Path("/dev/shm").glob(f"smipc.cb.{name.replace('/', '_')}*")
    return path


@needs_files
@pytest.mark.parametrize("cursors", [(0, 2**63), (5, 2**64 - 1), (0, 0), (2**64 - 1, 3)])
def test_cursors_that_lie(writer: SharedCircularBuffer, cursors: tuple[int, int]) -> None:
    reader = SharedCircularBuffer(writer.name)
    writer.push(1)
    assert reader.popitem() == 1
    with segment_of(writer.name).open("r+b", buffering=0) as file:
        file.seek(RESERVED)
        file.write(struct.pack("<QQ", *cursors))
    with pytest.raises(smipc.CorruptError, match="cursors"):
        reader.popitem()


@needs_files
def test_it_is_private(writer: SharedCircularBuffer) -> None:
    assert segment_of(writer.name).stat().st_mode & 0o777 == 0o600


@needs_files
def test_truncated_and_foreign_files_are_refused(text: str) -> None:
    writer = SharedCircularBuffer(text, create=True)
    path = segment_of(text)
    writer.cleanup()
    path.write_bytes(b"no segment" * 100)
    try:
        for create in (False, True):
            with pytest.raises(smipc.NotSmipcError):
                SharedCircularBuffer(text, create=create)
    finally:
        path.unlink()
