"""Locked structures: fields, arrays and what does not fit; files, and what is wrong with them."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shared_structs
from shared_structs import Everything, Pair, Point

import smipc
from smipc import (
    BaseMmapStructure,
    DataStructMmapEditor,
    DataStructMmapManager,
    DataStructMmapReader,
    MmapStructureHeader,
    StructureFileError,
    StructureHeaderError,
    StructureLayoutError,
    UnknownFieldError,
    UnknownStructureError,
)

ON_WINDOWS = sys.platform == "win32"


@pytest.fixture(autouse=True)
def known() -> None:
    DataStructMmapEditor.setUserStructs(["shared_structs"])


@pytest.fixture
def manager(tmp_path: Path) -> DataStructMmapManager:
    return DataStructMmapManager("Everything", mmapDir=tmp_path, create=True)


@pytest.fixture
def editor(manager: DataStructMmapManager, tmp_path: Path) -> DataStructMmapEditor:
    return DataStructMmapEditor("Everything", mmapDir=tmp_path)


@pytest.fixture
def reader(manager: DataStructMmapManager, tmp_path: Path) -> DataStructMmapReader:
    return DataStructMmapReader("Everything", mmapDir=tmp_path)


# ---- The published way


def test_the_way_of_the_old_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    DataStructMmapEditor.setUserStructs(["shared_structs"])
    DataStructMmapManager("Everything", mmapDir="./", create=True, force=True)
    with DataStructMmapEditor("Everything") as editor:
        editor.writeData("data_int", 1)
        editor.writeData("data_string", bytes("hello world!", "utf-8"))
        editor.writeData("data_xy.x", 99)
    DataStructMmapReader.setUserStructs(["shared_structs"])
    with DataStructMmapReader("Everything") as reader:
        assert reader.readData("data_int") == 1
        assert reader.readData("data_string") == b"hello world!"
        assert reader.readData("data_xy.x") == 99.0


def test_the_file_is_the_plain_structure(editor: DataStructMmapEditor) -> None:
    editor.data_int = 5
    raw = Path(editor.path).read_bytes()
    plain = Everything.from_buffer_copy(raw)
    assert len(raw) == ctypes.sizeof(Everything)
    assert plain.data_int == 5
    assert plain.header.code == editor.code != 0
    assert Path(editor.path).name == "Everything.mmap"
    assert editor.lockPath == editor.path + ".lock"


# ---- Fields

VALUES: list[tuple[str, Any]] = [
    ("data_int", -5),
    ("data_string", b"abc"),
    ("data_string", b"x" * 256),
    ("tiny", -128),
    ("byte", 255),
    ("short", 32767),
    ("huge", 2**64 - 1),
    ("single", 0.5),
    ("truth", True),
    ("letter", b"z"),
    ("wide", "wörter"),
    ("table", [[1, 2, 3], [4, 5, 6]]),
    ("table[1]", [7, 8, 9]),
    ("table[1][2]", -1),
    ("table.1.0", 3),
    ("data_xy.y", 3),
    ("points[3].x", 2.5),
    ("either.number", 7),
    ("either.letters", b"abcd"),
    ("packed.wide", 2**63),
    ("low", 7),
    ("high", -16),
    ("class", 12),
    ("last", -(2**63)),
]


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_what_is_written_is_read(
    editor: DataStructMmapEditor, reader: DataStructMmapReader, name: str, value: Any
) -> None:
    editor.writeData(name, value)
    assert reader.readData(name) == value
    assert type(reader.readData(name)) is (float if name.endswith((".x", ".y")) else type(value))


def test_structures_are_read_as_copies(
    editor: DataStructMmapEditor, reader: DataStructMmapReader
) -> None:
    editor.writeData("data_xy", {"x": 1, "y": 2})
    copy = reader.readData("data_xy")
    assert (copy.x, copy.y) == (1.0, 2.0)
    copy.x = 5
    editor.writeData("data_xy", {"y": 7})  # a part
    assert reader.readData("data_xy.x") == 1.0
    editor.writeData("points", [Point(1, 2), {"x": 3}, Point(), Point(9, 9)])
    assert reader.readData("points[1].x") == 3.0
    assert reader.points[3].y == 9.0


def test_attributes_are_the_fields(
    editor: DataStructMmapEditor, reader: DataStructMmapReader
) -> None:
    editor.data_xy.x = 99
    editor.table[0][1] = 4
    editor.table[-1] = [1, 2, 3]
    editor.points[2] = {"x": 5, "y": 6}
    editor.data_string = b"text"
    editor.wide = "ab"
    assert reader.data_xy.x == 99.0
    assert reader.table == [[0, 4, 0], [1, 2, 3]]
    assert list(reader.table[0]) == [0, 4, 0]
    assert reader.table[1][1:] == [2, 3]
    assert len(reader.points) == 4
    assert [point.x for point in reader.points] == [0, 0, 5, 0]
    assert reader.data_string == b"text"
    assert reader.wide == "ab"
    assert reader.data.data_xy.x == 99.0
    assert "Point(x=99.0, y=0.0)" in repr(reader.data)
    assert "data_xy" in dir(reader)
    assert dir(reader.data_xy) == ["x", "y"]


def test_a_shorter_string_leaves_nothing_of_the_old_one(editor: DataStructMmapEditor) -> None:
    editor.data_string = b"a long one"
    editor.data_string = b"ab"
    assert b"long" not in bytes(editor.readMappedBuffer())


NOT_FITTING: list[tuple[str, Any, type[Exception]]] = [
    ("data_int", 2**31, ValueError),
    ("data_int", -(2**31) - 1, ValueError),
    ("data_int", 1.0, TypeError),
    ("data_int", "1", TypeError),
    ("data_int", None, TypeError),
    ("byte", -1, ValueError),
    ("byte", 256, ValueError),
    ("huge", -1, ValueError),
    ("low", 8, ValueError),
    ("high", 16, ValueError),
    ("single", 1e300, ValueError),
    ("single", "1", TypeError),
    ("data_xy.x", "1", TypeError),
    ("data_xy.x", b"1", TypeError),
    ("truth", 1, TypeError),
    ("letter", b"ab", ValueError),
    ("letter", "a", TypeError),
    ("data_string", "text", TypeError),
    ("data_string", b"x" * 257, ValueError),
    ("data_string", b"a\0bc", ValueError),
    ("data_string", bytearray(b"a\0c"), ValueError),
    ("wide", "x" * 9, ValueError),
    ("wide", "a\0b", ValueError),
    ("wide", b"x", TypeError),
    ("table", [1, 2], TypeError),
    ("table", [[1, 2, 3]], ValueError),
    ("table", [[1, 2, 3], [4, 5, 2**15]], ValueError),
    ("table[0]", "123", TypeError),
    ("table", 5, TypeError),
    ("data_xy", (1, 2), TypeError),
    ("data_xy", {"x": 1, "z": 2}, AttributeError),
    ("data_xy", {"x": 1, "y": "2"}, TypeError),
]


@pytest.mark.parametrize(("name", "value", "kind"), NOT_FITTING)
def test_what_does_not_fit_is_refused_and_nothing_written(
    editor: DataStructMmapEditor, name: str, value: Any, kind: type[Exception]
) -> None:
    before = bytes(editor.readMappedBuffer())
    with pytest.raises(kind, match="Everything") as caught:
        editor.writeData(name, value)
    assert isinstance(caught.value, smipc.SmipcError)
    assert bytes(editor.readMappedBuffer()) == before


def test_numbers_of_numpy_fit_or_are_refused(editor: DataStructMmapEditor) -> None:
    numpy = pytest.importorskip("numpy")
    editor.writeData("data_int", numpy.array(3, "i2"))
    editor.writeData("data_xy", {"x": numpy.array(1.5), "y": numpy.float32(2.5)})
    before = bytes(editor.readMappedBuffer())
    wrong = [("data_int", int), ("data_int", numpy.array([5])), ("data_int", numpy.float64(5))]
    wrong += [("data_xy.x", kind(1 + 2j)) for kind in (complex, numpy.complex64, numpy.array)]
    for name, value in wrong:
        with pytest.raises(smipc.InvalidTypeError, match=re.escape(f"Everything.{name} takes a")):
            editor.writeData(name, value)
    assert bytes(editor.readMappedBuffer()) == before


@pytest.mark.parametrize(("name", "value"), [("data_string", b"a\0bc"), ("wide", "a\0b")])
def test_text_that_could_not_be_read_back_is_named(
    editor: DataStructMmapEditor, name: str, value: bytes | str
) -> None:
    said = re.escape(f"Everything.{name} would be read only up to its first NUL: {value!r}")
    with pytest.raises(smipc.InvalidArgumentError, match=said):
        editor.writeData(name, value)
    with pytest.raises(smipc.InvalidArgumentError, match=said):
        setattr(editor, name, value)


@pytest.mark.parametrize(("name", "value"), [("data_string", b"ab\0\0"), ("wide", "a\0\0")])
def test_text_may_be_padded(editor: DataStructMmapEditor, name: str, value: bytes | str) -> None:
    editor.writeData(name, value)
    padding = "\0" if isinstance(value, str) else b"\0"
    assert editor.readData(name) == value.rstrip(padding)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    ["", ".", "nope", "data_xy.z", "data_xy.", ".data_int", "table[2]", "table[-1]", "table[0][3]",
     "data_int.x", "data_int[0]", "table.x", "[0]", "data int", "table[0", "points[4].x"],
)  # fmt: skip
def test_no_such_field(editor: DataStructMmapEditor, bad: str) -> None:
    with pytest.raises(UnknownFieldError):
        editor.readData(bad)
    with pytest.raises(AttributeError):
        editor.writeData(bad, 1)


def test_no_such_attribute(editor: DataStructMmapEditor, reader: DataStructMmapReader) -> None:
    with pytest.raises(AttributeError, match="no field 'speed'; it has header, data_int"):
        editor.speed = 3
    with pytest.raises(AttributeError, match="speed"):
        reader.speed  # noqa: B018
    with pytest.raises(AttributeError, match="no field 'z'"):
        editor.data_xy.z = 3
    with pytest.raises(IndexError, match="2 items, and no item 2"):
        editor.table[2]
    with pytest.raises(TypeError, match="field is named by a str"):
        editor.readData(5)  # type: ignore[arg-type]
    with pytest.raises(smipc.InvalidTypeError, match=re.escape("a str, not list: ['data_int']")):
        editor.readData(["data_int"])  # type: ignore[arg-type]


def test_a_reader_cannot_write(reader: DataStructMmapReader) -> None:
    for attempt in (
        lambda: setattr(reader, "data_int", 1),
        lambda: setattr(reader.data_xy, "x", 1),
        lambda: reader.table.__setitem__(0, [1, 2, 3]),
        lambda: setattr(reader.referMappedBuffer(), "data_int", 1),
    ):
        with pytest.raises(TypeError, match="open for reading"):
            attempt()
    assert not hasattr(DataStructMmapReader, "writeData")
    for name in ("writeData", "clearMappedBuffer", "updateLastUpdate"):
        with pytest.raises(AttributeError, match=f"DataStructMmapReader only reads.*{name}"):
            getattr(reader, name)
    assert reader.data_int == 0


def test_the_code_is_fixed(editor: DataStructMmapEditor, reader: DataStructMmapReader) -> None:
    """With another one nobody could open the file any more."""
    code = editor.code
    other = editor.readMappedBuffer().header
    other.code = code ^ 1
    for attempt in (
        lambda: editor.writeData("header.code", code ^ 1),
        lambda: editor.writeData("header", {"last_update": 5, "code": code ^ 1}),
        lambda: editor.writeData("header", other),
        lambda: setattr(editor.header, "code", code ^ 1),
        lambda: setattr(editor, "header", other),
    ):
        with pytest.raises(smipc.InvalidArgumentError, match=f"header.code.*{code:#06x}"):
            attempt()
    editor.writeData("header.code", code)
    other.code = code
    editor.header = other
    assert reader.header.code == code
    with reader:
        pass


# ---- The whole of it


def test_the_time_of_the_last_update(
    editor: DataStructMmapEditor, reader: DataStructMmapReader
) -> None:
    assert reader.getLastUpdate() == 0.0
    before = time.time()
    editor.updateLastUpdate()
    first = reader.getLastUpdate()
    assert before <= first <= time.time()
    editor.data_int = 1
    second = reader.getLastUpdate()
    assert second >= first
    editor.writeData("data_xy.x", 1)
    assert reader.getLastUpdate() >= second


def test_buffers(editor: DataStructMmapEditor, reader: DataStructMmapReader) -> None:
    mapped = editor.referMappedBuffer()
    assert isinstance(mapped, Everything)
    copy = editor.readMappedBuffer()
    mapped.data_int = 9
    assert copy.data_int == 0
    assert reader.readMappedBuffer().data_int == 9
    assert reader.referMappedBuffer().data_int == 9
    editor.clearMappedBuffer()
    assert mapped.data_int == 0
    assert mapped.header.code == editor.code
    assert reader.getLastUpdate() > 0


def test_buffers_outlive_close_and_replacement(
    editor: DataStructMmapEditor, reader: DataStructMmapReader, manager: DataStructMmapManager
) -> None:
    mapped, view = editor.referMappedBuffer(), reader.data_xy
    points = mapped.points
    editor.closeMemory()
    reader.closeMemory()
    manager.closeMemory()
    path = editor.path
    del editor, reader, manager
    gc.collect()
    mapped.data_xy.x = 5
    points[3].y = 6
    assert view.x == 5.0
    assert Everything.from_buffer_copy(Path(path).read_bytes()).points[3].y == 6.0


def test_closing_and_opening_again(editor: DataStructMmapEditor) -> None:
    editor.data_int = 3
    editor.closeMemory()
    editor.closeMemory()
    assert "closed" in repr(editor)
    calls: list[Callable[[], object]] = [
        lambda: editor.data_int,
        lambda: editor.readData("data_int"),
        lambda: editor.writeData("data_int", 1),
        lambda: setattr(editor, "data_int", 1),
        editor.readMappedBuffer,
        editor.referMappedBuffer,
        editor.clearMappedBuffer,
        editor.getLastUpdate,
        editor.updateLastUpdate,
        editor.lock,
        editor.unlock,
        editor.__enter__,
    ]
    for call in calls:
        with pytest.raises(smipc.ClosedError, match=r"Everything\.mmap"):
            call()
    editor.openMemory()
    editor.openMemory()
    with editor:
        assert editor.data_int == 3


def test_closing_inside_with(editor: DataStructMmapEditor, manager: DataStructMmapManager) -> None:
    with editor:
        editor.closeMemory()
    assert manager.lock(blocking=False)


# ---- Files


def test_tags_and_folders_of_the_callers(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    for tag in ("left", "right"):
        DataStructMmapManager(
            "Pair", mmapDir=tmp_path, tag=tag, fastenerDir=tmp_path / "locks", create=True
        ).a = len(tag)
    assert sorted(path.name for path in tmp_path.glob("*.mmap")) == [
        "Pair.left.mmap",
        "Pair.right.mmap",
    ]
    assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == [
        "Pair.left.mmap.lock",
        "Pair.right.mmap.lock",
    ]
    right = DataStructMmapReader(Pair, bytes(tmp_path), "right", tmp_path / "locks")
    assert right.a == 5


@pytest.mark.parametrize("name", ["Aux", "Con", "Nul", "Com1"])  # of Windows's devices
def test_structures_may_have_the_names_of_devices(tmp_path: Path, name: str) -> None:
    named = type(name, (BaseMmapStructure,), {"_fields_": Pair._fields_})
    with DataStructMmapManager(named, mmapDir=tmp_path, create=True) as manager:
        manager.a = 5
    with DataStructMmapReader(named, mmapDir=f"{tmp_path}/x/..") as reader:
        assert reader.a == 5
    assert sorted(os.listdir(tmp_path)) == [f"{name}.mmap", f"{name}.mmap.lock"]


@pytest.mark.skipif(ON_WINDOWS, reason="modes")
def test_files_are_for_their_user_only(manager: DataStructMmapManager) -> None:
    for path in (manager.path, manager.lockPath):
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_creating_what_exists(manager: DataStructMmapManager, tmp_path: Path) -> None:
    manager.data_int = 4
    with pytest.raises(FileExistsError, match=r"Everything\.mmap"):
        DataStructMmapManager("Everything", mmapDir=tmp_path, create=True)
    assert manager.data_int == 4
    again = DataStructMmapManager("Everything", mmapDir=tmp_path)
    assert again.data_int == 4


@pytest.mark.skipif(ON_WINDOWS, reason="a mapped file cannot be replaced there")
def test_force_never_changes_what_others_have_mapped(
    manager: DataStructMmapManager, editor: DataStructMmapEditor, reader: DataStructMmapReader
) -> None:
    manager.data_int = 4
    mapped = editor.referMappedBuffer()
    fresh = DataStructMmapManager("Everything", Path(manager.path).parent, create=True, force=True)
    fresh.data_int = 8
    assert (mapped.data_int, reader.data_int) == (4, 4)
    with reader:
        assert reader.data_int == 8
    with editor:
        assert editor.data_int == 8
        editor.data_int = 9
    assert (mapped.data_int, fresh.data_int, reader.data_int) == (4, 9, 9)


@pytest.mark.skipif(ON_WINDOWS, reason="a mapped file cannot be replaced there")
def test_force_with_another_structure_is_told_at_the_next_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = DataStructMmapManager(Pair, mmapDir=tmp_path, create=True)
    fields = (*Pair._fields_, ("c", ctypes.c_int8 * 4096))
    other = type("Pair", (BaseMmapStructure,), {"_fields_": fields})
    DataStructMmapManager(other, mmapDir=tmp_path, create=True, force=True)
    with pytest.raises(ValueError, match=r"has \d+ bytes, and the structure 32"), editor:
        pass
    assert editor.a == 0  # of the old one
    assert DataStructMmapEditor(other, mmapDir=tmp_path).lock(blocking=False)


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    for kind in (DataStructMmapEditor, DataStructMmapReader, DataStructMmapManager):
        with pytest.raises(FileNotFoundError, match=r"Pair\.mmap"):
            kind("Pair", mmapDir=tmp_path)
    with pytest.raises(FileNotFoundError):
        DataStructMmapReader("Pair", mmapDir=tmp_path / "no" / "such")


def test_a_file_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StructureFileError, match="no such file or folder") as caught:
        DataStructMmapManager("Pair", mmapDir=tmp_path / "missing", create=True)
    assert isinstance(caught.value, OSError)
    (tmp_path / "file").touch()
    with pytest.raises(StructureFileError):
        DataStructMmapManager("Pair", mmapDir=tmp_path / "file", create=True)
    with pytest.raises(StructureFileError):
        DataStructMmapManager(
            "Pair", mmapDir=tmp_path, fastenerDir=tmp_path / "missing", create=True
        )
    (tmp_path / "Pair.mmap").mkdir()
    with pytest.raises(smipc.SmipcError, match=r"Pair\.mmap"):
        DataStructMmapManager("Pair", mmapDir=tmp_path, create=True, force=True)
    assert not list(tmp_path.glob("*.new"))


def test_a_file_of_another_structure(tmp_path: Path) -> None:
    DataStructMmapManager("Pair", mmapDir=tmp_path, create=True)
    fields = (("header", MmapStructureHeader), ("a", ctypes.c_double), ("b", ctypes.c_int64))
    other = type("Pair", (BaseMmapStructure,), {"_fields_": fields})
    with pytest.raises(ValueError, match="it holds another structure: its code is 0x"):
        DataStructMmapReader(other, mmapDir=tmp_path)
    (tmp_path / "Longer.mmap").write_bytes(b"x" * 10)
    with pytest.raises(ValueError, match="has 10 bytes, and the structure 40"):
        DataStructMmapReader("Longer", mmapDir=tmp_path)


def test_a_lock_file_that_is_none(tmp_path: Path) -> None:
    manager = DataStructMmapManager("Pair", mmapDir=tmp_path, create=True)
    manager.closeMemory()
    Path(manager.lockPath).write_bytes(b"not a lock file, but something dear" * 9)
    with pytest.raises(smipc.NotSmipcError, match="this is no lock file"):
        DataStructMmapReader("Pair", mmapDir=tmp_path)
    assert Path(manager.lockPath).read_bytes().startswith(b"not a lock file")


@pytest.mark.parametrize("bad", ["a/b", "a\0b", 5, b"x", "a b"])
def test_no_tag(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(smipc.SmipcError, match="tag"):
        DataStructMmapManager("Pair", mmapDir=tmp_path, tag=bad, create=True)
    assert list(tmp_path.iterdir()) == []


def test_no_folder_and_no_choice(tmp_path: Path) -> None:
    bad: Any
    for bad in (5, 1.5, []):
        with pytest.raises(TypeError, match="mmapDir must be a path"):
            DataStructMmapReader("Pair", mmapDir=bad)
        with pytest.raises(TypeError, match="fastenerDir must be a path"):
            DataStructMmapReader("Pair", mmapDir=tmp_path, fastenerDir=bad)
    for bad in (1, None, "yes"):
        with pytest.raises(TypeError, match="create must be True or False"):
            DataStructMmapManager("Pair", tmp_path, create=bad)
        with pytest.raises(TypeError, match="force must be True or False"):
            DataStructMmapManager("Pair", tmp_path, create=True, force=bad)
    with pytest.raises(ValueError, match="timeout"):
        DataStructMmapReader("Pair", tmp_path, timeout=-1)
    assert list(tmp_path.iterdir()) == []


# ---- Structures that cannot be shared


def structure(*fields: tuple[str, Any]) -> type[BaseMmapStructure]:
    return type("Odd", (BaseMmapStructure,), {"_fields_": fields})


HEADER = ("header", MmapStructureHeader)


@pytest.mark.parametrize(
    "odd",
    [
        structure(),
        structure(("x", ctypes.c_int)),
        structure(("x", ctypes.c_int), HEADER),
        structure(("head", MmapStructureHeader)),
        structure(("header", ctypes.c_int)),
    ],
)
def test_a_structure_without_header(tmp_path: Path, odd: type[BaseMmapStructure]) -> None:
    with pytest.raises(StructureHeaderError, match="Odd does not begin with a header"):
        DataStructMmapManager(odd, mmapDir=tmp_path, create=True)
    assert list(tmp_path.iterdir()) == []


class _Swapped(ctypes.BigEndianStructure):
    _fields_ = (("x", ctypes.c_int),)


@pytest.mark.parametrize(
    "type_",
    [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.py_object,
        ctypes.POINTER(ctypes.c_int),
        ctypes.CFUNCTYPE(None),
        ctypes.c_void_p * 3,
        ctypes.c_int.__ctype_be__,
        _Swapped,
    ],
)
def test_fields_that_mean_nothing_elsewhere(tmp_path: Path, type_: Any) -> None:
    odd = structure(HEADER, ("bad", type_))
    with pytest.raises(StructureLayoutError, match=r"Odd\.bad|other byte order"):
        DataStructMmapManager(odd, mmapDir=tmp_path, create=True)


@pytest.mark.skipif(ON_WINDOWS or sys.version_info >= (3, 14), reason="ctypes does it right")
@pytest.mark.parametrize(
    "fields",
    [
        [("a", ctypes.c_int32, 20), ("bad", ctypes.c_uint8, 3)],  # outside of its byte
        [
            ("a", ctypes.c_int32, 5),
            ("b", ctypes.c_uint16, 3),
            ("bad", ctypes.c_int32, 20),
        ],  # upon b
    ],
)
def test_bit_fields_that_ctypes_mixes_up(tmp_path: Path, fields: list[Any]) -> None:
    odd = structure(HEADER, *fields)
    with pytest.raises(StructureLayoutError, match=r"Odd\.bad: ctypes mixes this bit field up"):
        DataStructMmapManager(odd, mmapDir=tmp_path, create=True)


def test_bit_fields_of_bools(tmp_path: Path) -> None:
    """Of which ctypes takes the whole byte."""
    odd = structure(HEADER, ("bad", ctypes.c_bool, 1))  # type: ignore[arg-type]
    with pytest.raises(StructureLayoutError, match=r"Odd\.bad: ctypes mixes this bit field up"):
        DataStructMmapManager(odd, mmapDir=tmp_path, create=True)


def test_two_fields_of_one_name(tmp_path: Path) -> None:
    derived = type("Derived", (Pair,), {"_fields_": (("a", ctypes.c_int8),)})
    with pytest.raises(StructureLayoutError, match="Derived has two fields called a"):
        DataStructMmapManager(derived, mmapDir=tmp_path, create=True)


def test_names_of_structures(tmp_path: Path) -> None:
    with pytest.raises(UnknownStructureError, match=r"no structure 'Nothing'; .*Everything"):
        DataStructMmapReader("Nothing", mmapDir=tmp_path)
    bad: Any
    for bad in (5, None, Point, b"Pair"):
        with pytest.raises(TypeError, match="a structure is named by a str"):
            DataStructMmapReader(bad, mmapDir=tmp_path)


def test_modules_of_structures() -> None:
    DataStructMmapReader.setUserStructs([shared_structs])
    with pytest.raises(UnknownStructureError, match="'no_such_module' cannot be imported"):
        DataStructMmapReader.setUserStructs(["no_such_module"])
    with pytest.raises(UnknownStructureError, match="'json' has no BaseMmapStructure"):
        DataStructMmapReader.setUserStructs(["json"])
    bad: Any
    for bad in ("shared_structs", b"x", None, 5, [5], [None]):
        with pytest.raises(TypeError):
            DataStructMmapReader.setUserStructs(bad)
    with pytest.raises(ValueError, match="is no name of a module"):
        DataStructMmapReader.setUserStructs([""])
    double = types.ModuleType("double")
    double.Pair = type(  # type: ignore[attr-defined]
        "Pair", (BaseMmapStructure,), {"_fields_": (HEADER,), "__module__": "double"}
    )
    with pytest.raises(ValueError, match="'shared_structs' and 'double' both have a structure"):
        DataStructMmapReader.setUserStructs([double])
