"""Errors: one class per status, each with the built-in that fits, and a text that says what."""

from __future__ import annotations

import errno
import io
import pickle

import pytest

import smipc
from smipc import _abi, errors
from smipc._native import ffi, lib

STATUSES = {name: value for name, value in vars(_abi).items() if name.startswith("SMIPC_E_")}

BUILT_IN = {
    "SMIPC_E_INVALID": ValueError,
    "SMIPC_E_TIMED_OUT": TimeoutError,
    "SMIPC_E_INTERRUPTED": InterruptedError,
    "SMIPC_E_CLOSED": ValueError,
    "SMIPC_E_OPPOSITE_CLOSED": BrokenPipeError,
    "SMIPC_E_OPPOSITE_DIED": smipc.OppositeEndClosedError,
    "SMIPC_E_END_TAKEN": OSError,
    "SMIPC_E_WRONG_END": io.UnsupportedOperation,
    "SMIPC_E_WRONG_FRAMING": io.UnsupportedOperation,
    "SMIPC_E_BUFFER_TOO_SMALL": ValueError,
    "SMIPC_E_NO_SPACE": OSError,
    "SMIPC_E_NO_MEMORY": MemoryError,
    "SMIPC_E_PERMISSION": PermissionError,
    "SMIPC_E_NOT_FOUND": FileNotFoundError,
    "SMIPC_E_EXISTS": FileExistsError,
    "SMIPC_E_CORRUPT": smipc.SmipcError,
    "SMIPC_E_NOT_SMIPC": smipc.SmipcError,
    "SMIPC_E_VERSION": smipc.SmipcError,
    "SMIPC_E_FORKED": RuntimeError,
    "SMIPC_E_LIMIT": OSError,
    "SMIPC_E_UNSUPPORTED": NotImplementedError,
    "SMIPC_E_BUSY": RuntimeError,
    "SMIPC_E_OS": OSError,
    "SMIPC_E_INTERNAL": RuntimeError,
}
NUMBERS = {
    "SMIPC_E_END_TAKEN": errno.EBUSY,
    "SMIPC_E_NO_SPACE": errno.ENOSPC,
    "SMIPC_E_PERMISSION": errno.EACCES,
    "SMIPC_E_NOT_FOUND": errno.ENOENT,
    "SMIPC_E_EXISTS": errno.EEXIST,
    "SMIPC_E_LIMIT": errno.EMFILE,
}


def test_every_status_is_in_the_tables() -> None:
    assert set(BUILT_IN) == set(STATUSES)
    assert set(errors.BY_STATUS) == set(STATUSES.values())


@pytest.mark.parametrize("name", STATUSES)
def test_every_status_has_its_class(name: str) -> None:
    status = STATUSES[name]
    assert ffi.string(lib.smipc_status_name(status)).decode() == name
    with pytest.raises(BUILT_IN[name]) as caught:
        raise errors.error(status, "channel 'x': 5 is wrong")
    problem = caught.value
    assert isinstance(problem, smipc.SmipcError)
    assert type(problem) is errors.BY_STATUS[status]
    assert getattr(smipc, type(problem).__name__) is type(problem)
    assert problem.status == status
    assert str(problem) == "channel 'x': 5 is wrong"
    assert getattr(problem, "errno", None) == NUMBERS.get(name)
    again = pickle.loads(pickle.dumps(problem))
    assert (type(again), str(again)) == (type(problem), str(problem))


def test_the_numbers_are_those_of_the_library() -> None:
    for name, status in STATUSES.items():
        assert ffi.string(lib.smipc_status_message(status)), name
    assert errors.error(-999, "x").status == _abi.SMIPC_E_INTERNAL
    assert errors.check(_abi.SMIPC_OK) is None


def test_the_text_is_the_librarys() -> None:
    with pytest.raises(smipc.InvalidArgumentError, match="the channel handle is NULL"):
        errors.check(lib.smipc_channel_abort(ffi.NULL))


def test_texts_name_the_channel_as_the_library_does() -> None:
    strange = b"a'b\\c\xff\n" + b"x" * 100
    writer = smipc.open_channel(strange, smipc.CHAN_W)
    with writer, pytest.raises(smipc.WrongFramingError) as native:
        writer.send(b"x")
    with pytest.raises(smipc.ClosedError) as ours:
        writer.send(b"x")
    assert str(native.value).split(":")[0] == str(ours.value).split(":")[0]
