"""Opening, closing, reopening, unlinking, cleaning, pickling; status and logging."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Child
from pairs import Pair, open_pair

import smipc
from smipc import CHAN_R, CHAN_W
from smipc._native import ffi, lib

ON_WINDOWS = sys.platform == "win32"
FOLDER = Path(os.environ["LOCALAPPDATA"], "smipc") if ON_WINDOWS else Path("/dev/shm")
modes = pytest.mark.skipif(ON_WINDOWS, reason="there files have no mode")


def shared_memory(name: bytes) -> list[str]:
    """The files of a channel. On Windows only those that outlive their processes have one."""
    return [entry.name for entry in FOLDER.glob("*") if name.decode() in entry.name]


def is_new(name: bytes) -> bool:
    """Whether whoever opens the channel now creates it."""
    with smipc.open_channel(name, CHAN_W, 77, framing="message") as writer:
        return writer.status().capacity_bytes == 77


def test_a_channel_is_gone_with_its_last_end(name: bytes) -> None:
    writer, reader = open_pair(name)
    assert ON_WINDOWS or shared_memory(name)
    writer.send(b"x")
    writer.close()
    assert ON_WINDOWS or shared_memory(name)
    assert not is_new(name)
    assert reader.recv() == b"x"
    reader.close()
    assert not shared_memory(name)
    assert is_new(name)


def test_kernel_lifetime_keeps_it_until_unlink(name: bytes) -> None:
    with smipc.open_channel(name, CHAN_W, framing="message", lifetime="kernel") as writer:
        writer.send(b"kept")
    assert shared_memory(name)
    reader = smipc.open_channel(name, CHAN_R, framing="message")
    with reader:
        assert reader.recv() == b"kept"
    reader.unlink()
    assert not shared_memory(name)
    with pytest.raises(smipc.NotFoundError):
        reader.unlink()


def test_unlink_leaves_open_ends_alone(name: bytes) -> None:
    writer, reader = open_pair(name)
    with writer, reader:
        smipc.unlink(name)
        writer.send(b"x")
        assert reader.recv() == b"x"
        with smipc.open_channel(name, CHAN_W, framing="message") as other:
            other.send(b"elsewhere")
            with pytest.raises(smipc.TimedOutError):
                reader.recv(0)


def test_an_end_may_be_opened_again(name: bytes) -> None:
    writer, reader = open_pair(name)
    with reader:
        for i in range(5):
            writer.send(b"%d" % i)
            writer.close()
            with pytest.raises(smipc.ClosedError):
                writer.send(b"x")
            assert not writer.is_open
            assert list(reader) == [b"%d" % i]
            writer.open()
        writer.close()


def test_closing_is_idempotent_and_with_takes_an_open_one(name: bytes) -> None:
    channel = smipc.open_channel(name, CHAN_W).open()
    with channel as same:
        assert same is channel
        assert channel.is_open
    channel.close()
    channel.close()


def test_properties_and_repr(name: bytes) -> None:
    channel = smipc.open_channel(
        name, CHAN_W, 123, framing="message", wait="block", lifetime="kernel", access="group"
    )
    assert (channel.cid, channel.mode, channel.chan_sz) == (name, CHAN_W, 123)
    assert (channel.framing, channel.wait) == ("message", "block")
    assert (channel.lifetime, channel.access) == ("kernel", "group")
    assert repr(channel) == f"<smipc.Channel '{name.decode()}' message writer, not open>"
    with channel:
        assert repr(channel).endswith(", open>")
    channel.unlink()


@pytest.mark.parametrize("wait", ["spin", "hybrid", "block"])
def test_wait_policies(name: bytes, wait: Any) -> None:
    writer, reader = open_pair(name, wait=wait)
    with writer, reader:
        with pytest.raises(smipc.TimedOutError):
            reader.recv(0.02)
        writer.send(b"x")
        assert reader.recv() == b"x"
        assert reader.status().wait == wait


@modes
def test_access_makes_the_mode_of_the_segment(name: bytes) -> None:
    for access, mode in (("user", 0o600), ("group", 0o660), ("all", 0o666)):
        with smipc.open_channel(name, CHAN_W, access=access):  # type: ignore[arg-type]
            (entry,) = shared_memory(name)
            assert os.stat(f"/dev/shm/{entry}").st_mode & 0o777 == mode


def test_an_unopened_channel_can_be_pickled(name: bytes) -> None:
    writer = smipc.open_channel(
        name, CHAN_W, 77, framing="message", wait="block", lifetime="kernel", access="all"
    )
    for twin in (pickle.loads(pickle.dumps(writer)), copy.copy(writer)):
        for what in ("cid", "mode", "chan_sz", "framing", "wait", "lifetime", "access"):
            assert getattr(twin, what) == getattr(writer, what)
        assert not twin.is_open
    with writer:
        with pytest.raises(TypeError, match=name.decode()) as caught:
            pickle.dumps(writer)
        assert isinstance(caught.value, smipc.SmipcError)
    assert not pickle.loads(pickle.dumps(writer)).is_open
    writer.unlink()


def test_clean_library_closes_everything(name: bytes) -> None:
    writer, reader = open_pair(name)
    writer.send_many([b"a", b"b"])
    assert reader.recv() == b"a"
    smipc.clean_library()
    assert not shared_memory(name)
    assert not writer.is_open
    for call in (lambda: writer.send(b"x"), reader.recv):
        with pytest.raises(smipc.ClosedError):
            call()
    with writer, reader:
        writer.send(b"again")
        assert reader.recv() == b"again"


def test_clean_library_leaves_channels_of_living_processes(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        with open_channel(arguments[0], CHAN_R, framing="message") as reader:
            say("open")
            say(*[message.decode() for message in reader])
            hear()
            say(reader.recv().decode())
        """,
        name,
    )
    child.expect("open")
    writer = smipc.open_channel(name, CHAN_W, framing="message").open()
    writer.send(b"before")
    smipc.clean_library()
    child.expect("before")
    with writer.open():
        child.say("the writer is back")
        writer.send(b"after")
        child.expect("after")
        child.finish()


def test_clean_stale_removes_what_the_dead_have_left(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        channel = open_channel(arguments[0], CHAN_W).open()
        say("open")
        hear()
        """,
        name,
    )
    child.expect("open")
    assert ON_WINDOWS or shared_memory(name)
    child.process.kill()
    child.process.wait()
    removed = smipc.clean_stale()
    assert ON_WINDOWS or removed >= 1  # there it went with its process
    assert not shared_memory(name)
    assert is_new(name)


def test_leaving_the_interpreter_closes_cleanly(name: bytes, start_child: Any) -> None:
    with smipc.open_channel(name, CHAN_R, framing="message") as reader:
        child: Child = start_child(
            """
            channel = open_channel(arguments[0], CHAN_W, framing="message").open()
            channel.send(b"last")
            """,
            name,
        )
        assert list(reader) == [b"last"]
        child.finish()


# ---- Status


def test_status_of_an_open_channel(name: bytes) -> None:
    writer, reader = open_pair(name, 1000)
    with writer, reader:
        writer.send(b"12345")
        writer.send(b"6")
        assert reader.recv() == b"12345"
        for channel, mode in ((writer, "W"), (reader, "R")):
            status = channel.status()
            assert (status.cid, status.mode, status.framing) == (name, mode, "message")
            assert (status.wait, status.lifetime, status.access) == ("hybrid", "process", "user")
            assert status.is_open and not status.listener
            assert (status.writer_state, status.reader_state) == ("open", "open")
            assert (status.writer_pid, status.reader_pid) == (os.getpid(), os.getpid())
            assert status.capacity_bytes == 1000
            assert status.memory_bytes >= 1000
            assert (status.messages_written, status.bytes_written) == (2, 6)
        with pytest.raises(AttributeError):
            status.mode = "X"  # type: ignore[misc]
        assert reader.recv() == b"6"
        status = reader.status()
        assert (status.messages_read, status.bytes_read, status.state) == (2, 6, "empty")
        reader.close()
        assert writer.status().reader_state == "closed"


def test_status_before_the_other_end_and_after_closing(name: bytes) -> None:
    channel = smipc.open_channel(name, CHAN_W)
    for _ in range(2):
        status = channel.status()
        assert not status.is_open
        assert status.cid == name
        with channel:
            assert channel.status().reader_state == "absent"
            assert channel.status().reader_pid is None


def native_text(channel: smipc.Channel) -> str:
    buffer = ffi.new("char[1000]")
    assert lib.smipc_channel_status_text(channel._handle, buffer, 1000, ffi.NULL) == 0
    return bytes(ffi.string(buffer)).decode()


def test_print_status_is_the_line_of_the_library(
    name: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    cid = name + b"'\\\xff"
    writer, reader = open_pair(cid, 20)
    with writer, reader:
        for change in (lambda: None, lambda: writer.send(bytes(20)), lambda: reader.close()):
            change()
            writer.print_status()
            line = capsys.readouterr().out
            assert line == native_text(writer) + "\n"
        assert line.startswith(f"Channel({name.decode()}\\x27\\\\\\xff): mode=W hSharedMem=0x")
        assert "syncBuf={RO=0 WO=1 RC=1 WC=0 hREvt=0x" in line
        assert line.endswith("state=full}\n")


# ---- Logging


@pytest.fixture
def logging_reset() -> Iterator[None]:
    yield
    smipc.init_library(smipc.LOG_DISABLE)
    logging.getLogger("smipc").setLevel(logging.NOTSET)


def test_log_basic(name: bytes, caplog: pytest.LogCaptureFixture, logging_reset: None) -> None:
    smipc.init_library(smipc.LOG_BASIC)
    writer, reader = open_pair(name)
    with writer, reader:
        writer.send(b"secret")
        assert reader.recv() == b"secret"
    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert [line[:2] for line in lines] == [("smipc", "INFO")] * 4
    assert [line[2].split()[0] for line in lines] == ["opened", "opened", "closed", "closed"]
    assert all(name.decode() in line[2] for line in lines)


def test_the_log_level_under_its_old_name(logging_reset: None) -> None:
    smipc.init_library(logLevel=smipc.LOG_BASIC)
    assert logging.getLogger("smipc").level == logging.INFO
    with pytest.raises(smipc.InvalidArgumentError, match="log_level must be from 0 to 2: 3"):
        smipc.init_library(logLevel=3)


def test_log_all(name: bytes, caplog: pytest.LogCaptureFixture, logging_reset: None) -> None:
    smipc.init_library(smipc.LOG_ALL)
    writer, reader = open_pair(name)
    with writer, reader:
        writer.send(b"secret")
        writer.send_many([b"secret", b"x"])
        assert reader.recv() == b"secret"
        assert reader.recv_many() == [b"secret", b"x"]
        writer.send(b"secret")
        assert reader.recv_into(bytearray(10)) == 6
        writer.send(b"secret")
        assert next(reader) == b"secret"
    with open_pair(name, framing="stream")[0] as writer:
        writer.write(b"secret")
    lines = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    assert [(line.split()[0], line.split(": ")[-1]) for line in lines] == [
        ("send", "6 bytes"),
        ("send_many", "2 messages, 7 bytes"),
        ("recv", "6 bytes"),
        ("recv_many", "2 messages, 7 bytes"),
        ("send", "6 bytes"),
        ("recv_into", "6 bytes"),
        ("send", "6 bytes"),
        ("recv", "6 bytes"),
        ("write", "6 bytes"),
    ]
    assert "secret" not in caplog.text
    smipc.clean_library()


def test_log_disable(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    writer, reader = pair
    writer.send(b"x")
    reader.recv()
    assert type(writer) is smipc.Channel
    assert caplog.records == []


def test_the_level_counts_for_what_is_opened_from_then_on(
    name: bytes, caplog: pytest.LogCaptureFixture, logging_reset: None
) -> None:
    smipc.init_library(smipc.LOG_ALL)
    writer, reader = open_pair(name)
    with reader:
        writer.close()
        smipc.init_library(smipc.LOG_DISABLE)
        caplog.clear()
        with writer.open():
            writer.send(b"x")
    assert not [r for r in caplog.records if r.getMessage().startswith("send")]
