"""smipc: shared-memory channels between the processes of one machine.

    from smipc import *

    with open_channel("camera", CHAN_W, framing="message") as channel:
        channel.send(b"hello")

A channel has one writer and one reader, in any two processes, written in Python, C or C++.
See open_channel, Channel, and smipc.aio for asyncio.
"""

from __future__ import annotations

from smipc._library import clean_library, clean_stale, init_library, unlink
from smipc._log import LOG_ALL, LOG_BASIC, LOG_DISABLE
from smipc._native import ffi as _ffi
from smipc._native import lib as _lib
from smipc._wait import wait
from smipc.channel import CHAN_R, CHAN_W, Channel, open_channel
from smipc.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    BufferTooSmallError,
    BusyError,
    ClosedError,
    CorruptError,
    EndTakenError,
    ForkedError,
    InternalError,
    InterruptedCallError,
    InvalidArgumentError,
    InvalidTypeError,
    LimitError,
    MessageFormatError,
    NoSpaceError,
    NotFoundError,
    NotSmipcError,
    OppositeEndClosedError,
    OppositeEndDiedError,
    OutOfMemoryError,
    SmipcError,
    SystemFailureError,
    TimedOutError,
    UnsupportedError,
    VersionError,
    WrongEndError,
    WrongFramingError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import create_string_buffer

    from smipc import aio as aio
    from smipc._flags import Flags
    from smipc._listener import Listener as Listener
    from smipc._status import Status as Status
    from smipc.circular_buffer import (
        BufferAlreadyCreated,
        CBuffException,
        ReaderOvertaken,
        ReadOperationsForbidden,
        SharedCircularBuffer,
        WriteOperationsForbidden,
    )
    from smipc.memory import NamedSharedMemory
    from smipc.message_queue import NamedMessageQueue
    from smipc.semaphore import NamedSemaphore
    from smipc.struct.access import (
        DataStructMmapEditor,
        DataStructMmapManager,
        DataStructMmapReader,
    )
    from smipc.struct.base_struct import BaseMmapStructure, MmapStructureHeader
    from smipc.struct.errors import (
        CutOffEditWarning,
        StructureFileError,
        StructureHeaderError,
        StructureLayoutError,
        UnknownFieldError,
        UnknownStructureError,
    )

__version__: str = _ffi.string(_lib.smipc_version()).decode()

__all__ = [
    "CHAN_R",
    "CHAN_W",
    "LOG_ALL",
    "LOG_BASIC",
    "LOG_DISABLE",
    "AccessDeniedError",
    "AlreadyExistsError",
    "BaseMmapStructure",
    "BufferAlreadyCreated",
    "BufferTooSmallError",
    "BusyError",
    "CBuffException",
    "Channel",
    "ClosedError",
    "CorruptError",
    "CutOffEditWarning",
    "DataStructMmapEditor",
    "DataStructMmapManager",
    "DataStructMmapReader",
    "EndTakenError",
    "Flags",
    "ForkedError",
    "InternalError",
    "InterruptedCallError",
    "InvalidArgumentError",
    "InvalidTypeError",
    "LimitError",
    "MessageFormatError",
    "MmapStructureHeader",
    "NamedMessageQueue",
    "NamedSemaphore",
    "NamedSharedMemory",
    "NoSpaceError",
    "NotFoundError",
    "NotSmipcError",
    "OppositeEndClosedError",
    "OppositeEndDiedError",
    "OutOfMemoryError",
    "ReadOperationsForbidden",
    "ReaderOvertaken",
    "SharedCircularBuffer",
    "SmipcError",
    "StructureFileError",
    "StructureHeaderError",
    "StructureLayoutError",
    "SystemFailureError",
    "TimedOutError",
    "UnknownFieldError",
    "UnknownStructureError",
    "UnsupportedError",
    "VersionError",
    "WriteOperationsForbidden",
    "WrongEndError",
    "WrongFramingError",
    "clean_library",
    "clean_stale",
    "create_string_buffer",
    "init_library",
    "open_channel",
    "unlink",
    "wait",
]

# What costs milliseconds to import, and is imported when it is asked for.
_LAZY = {
    "BufferAlreadyCreated": "smipc.circular_buffer",
    "CBuffException": "smipc.circular_buffer",
    "ReadOperationsForbidden": "smipc.circular_buffer",
    "ReaderOvertaken": "smipc.circular_buffer",
    "SharedCircularBuffer": "smipc.circular_buffer",
    "WriteOperationsForbidden": "smipc.circular_buffer",
    "BaseMmapStructure": "smipc.struct.base_struct",
    "CutOffEditWarning": "smipc.struct.errors",
    "DataStructMmapEditor": "smipc.struct.access",
    "DataStructMmapManager": "smipc.struct.access",
    "DataStructMmapReader": "smipc.struct.access",
    "Flags": "smipc._flags",
    "Listener": "smipc._listener",
    "MmapStructureHeader": "smipc.struct.base_struct",
    "NamedMessageQueue": "smipc.message_queue",
    "NamedSemaphore": "smipc.semaphore",
    "NamedSharedMemory": "smipc.memory",
    "StructureFileError": "smipc.struct.errors",
    "StructureHeaderError": "smipc.struct.errors",
    "StructureLayoutError": "smipc.struct.errors",
    "UnknownFieldError": "smipc.struct.errors",
    "UnknownStructureError": "smipc.struct.errors",
    "Status": "smipc._status",
    "create_string_buffer": "ctypes",
}


def __getattr__(name: str) -> object:
    if name == "aio":
        import importlib

        return importlib.import_module("smipc.aio")
    if name in _LAZY:
        import importlib

        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'smipc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LAZY, "aio"})
