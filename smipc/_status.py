"""What Channel.status() returns."""

from __future__ import annotations

from dataclasses import dataclass

from smipc import _abi
from smipc._native import ffi, lib
from smipc.errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smipc.channel import Channel

_STATES = {
    _abi.SMIPC_END_ABSENT: "absent",
    _abi.SMIPC_END_OPEN: "open",
    _abi.SMIPC_END_CLOSED: "closed",
    _abi.SMIPC_END_DIED: "died",
}
_LIFETIMES = {_abi.SMIPC_LIFETIME_PROCESS: "process", _abi.SMIPC_LIFETIME_KERNEL: "kernel"}
_ACCESS = {
    _abi.SMIPC_ACCESS_USER: "user",
    _abi.SMIPC_ACCESS_GROUP: "group",
    _abi.SMIPC_ACCESS_ALL: "all",
}


@dataclass(frozen=True)
class Status:
    """A look inside a channel.

    Counts are since its creation; cursors and used, limit and high-water bytes are of the ring,
    headers of messages included; pids are None before the first end came.
    """

    cid: bytes
    mode: str  # "R" or "W"
    framing: str
    wait: str
    lifetime: str
    access: str
    is_open: bool  # False: this Channel is not open, and the rest means nothing
    listener: bool  # read_async is on, in this process
    writer_state: str  # "absent" (never came), "open", "closed" or "died"
    reader_state: str
    writer_pid: int | None
    reader_pid: int | None
    capacity_bytes: int
    used_bytes: int
    limit_bytes: int
    memory_bytes: int  # what the channel takes of the machine
    write_cursor: int
    read_cursor: int
    messages_written: int  # stream: calls
    messages_read: int
    bytes_written: int  # payload
    bytes_read: int
    writer_waits: int  # how often the writer found no room and had to wait
    reader_waits: int  # how often the reader found nothing and had to wait
    high_water_bytes: int  # the most that the writer has seen used
    segment_handle: int  # where the channel is mapped
    read_event: int  # where its reader sleeps
    write_event: int  # where its writer sleeps

    @property
    def state(self) -> str:
        """ "empty", "full" or "normal"."""
        if self.used_bytes == 0:
            return "empty"
        return "full" if self.used_bytes >= self.limit_bytes else "normal"

    def __str__(self) -> str:
        """The line of print_status."""
        gone = ("closed", "died")
        return (
            f"Channel({printable(self.cid)}): mode={self.mode} hSharedMem={self.segment_handle:#x}"
            f" listener={self.listener:d} syncBuf={{RO={self.reader_state == 'open':d}"
            f" WO={self.writer_state == 'open':d} RC={self.reader_state in gone:d}"
            f" WC={self.writer_state in gone:d} hREvt={self.read_event:#x}"
            f" hWEvt={self.write_event:#x} bufSz={self.capacity_bytes} rc={self.read_cursor}"
            f" wc={self.write_cursor} state={self.state}}}"
        )


def status_of(channel: Channel) -> Status:
    raw = ffi.new("smipc_channel_status *")
    raw.struct_size = ffi.sizeof("smipc_channel_status")
    handle = channel._handle
    filled = bool(handle) and lib.smipc_channel_get_status(handle, raw) == _abi.SMIPC_OK
    is_open = filled and bool(raw.is_open)
    return Status(
        cid=channel.cid,
        mode="W" if channel.mode == _abi.SMIPC_WRITER else "R",
        framing=channel.framing,
        wait=channel.wait,
        # The creator's choice, which may not be what this end asked for.
        lifetime=_LIFETIMES[raw.lifetime] if is_open else channel.lifetime,
        access=_ACCESS[raw.access] if is_open else channel.access,
        is_open=is_open,
        listener=channel._listener is not None,
        writer_state=_STATES.get(raw.writer_state, "absent"),
        reader_state=_STATES.get(raw.reader_state, "absent"),
        writer_pid=raw.writer_pid or None,
        reader_pid=raw.reader_pid or None,
        **{name: int(getattr(raw, name)) for name in _COUNTS},
    )


_COUNTS = (
    "capacity_bytes",
    "used_bytes",
    "limit_bytes",
    "memory_bytes",
    "write_cursor",
    "read_cursor",
    "messages_written",
    "messages_read",
    "bytes_written",
    "bytes_read",
    "writer_waits",
    "reader_waits",
    "high_water_bytes",
    "segment_handle",
    "read_event",
    "write_event",
)
