"""The native calls with few arguments (smipc/_bound.py), and what stands in where they cannot be
had: nobody should notice which one it is."""

from __future__ import annotations

import sys

import pytest
from pairs import open_pair

import smipc
from smipc import _bound

SIZES = (0, 1, 2, 63, 64, 1000, 70_000)


def exchange_all(name: bytes) -> None:
    writer, reader = open_pair(name, 100_000)
    for size in SIZES:
        writer.send(b"x" * size)
        assert reader.recv() == b"x" * size
    with pytest.raises(smipc.TimedOutError):
        reader.recv(timeout=0)
    for size in SIZES:
        writer.send(b"y" * size)
    assert b"".join(reader.recv() for _ in SIZES) == b"y" * sum(SIZES)
    reader.close()
    with pytest.raises(smipc.OppositeEndClosedError):
        writer.send(b"nobody")
    writer.close()
    with pytest.raises(smipc.ClosedError):
        writer.send(b"nothing")


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="it is about CPython's objects")
def test_sizes_are_found_where_cpython_keeps_them() -> None:
    assert _bound._FINDS_SIZES, "sending is slower: has CPython changed how it keeps bytes?"


def test_messages_pass_where_sizes_are_found(name: bytes) -> None:
    exchange_all(name)


def test_messages_pass_where_sizes_are_not_found(
    name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bound, "_FINDS_SIZES", False)
    exchange_all(name)


def test_bytes_of_a_subclass_are_sent_like_any_buffer(name: bytes) -> None:
    class Longer(bytes):
        def __len__(self) -> int:
            return 100

    writer, reader = open_pair(name)
    writer.send(Longer(b"five5"))
    assert reader.recv() == b"five5"
    writer.close()
    reader.close()


def test_channels_beyond_those_that_have_calls_of_their_own(name: bytes) -> None:
    pairs = [open_pair(b"%s-%d" % (name, i), 4096) for i in range(150)]  # more ends than 256
    for number, (writer, _) in enumerate(pairs):
        writer.send(b"message %d" % number)
    for number, (_, reader) in enumerate(pairs):
        assert reader.recv() == b"message %d" % number
        with pytest.raises(smipc.TimedOutError):
            reader.recv(timeout=0)
    for writer, reader in pairs:
        writer.close()
        reader.close()
    exchange_all(name)


def test_a_call_taken_before_close_goes_to_no_other_channel(name: bytes) -> None:
    """What a thread has in its hands when another one closes the channel, and opens others."""
    writer, reader = open_pair(name)
    send, fetch = writer._send_now, reader._now
    writer.close()
    reader.close()
    others = [open_pair(b"%s-%d" % (name, i)) for i in range(20)]
    assert send(b"stray") == smipc._abi.SMIPC_E_CLOSED
    others[0][0].send(b"its own")
    assert next(iter(fetch)) == smipc._abi.SMIPC_E_CLOSED
    for other_writer, other_reader in others:
        other_writer.send(b"last")
        assert other_reader.recv() != b"stray"
        other_writer.close()
        other_reader.close()
