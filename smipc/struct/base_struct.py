"""What the structures of users derive from."""

from __future__ import annotations

import ctypes


class MmapStructureHeader(ctypes.Structure):
    """The first field of every structure: a code that tells one structure from another, and the
    time of the last update in seconds since 1970."""

    _fields_ = (("code", ctypes.c_uint16), ("last_update", ctypes.c_double))


class BaseMmapStructure(ctypes.Structure):
    """Base of structures that processes share:

    class Robot(BaseMmapStructure):
        _fields_ = (("header", MmapStructureHeader), ("speed", ctypes.c_double))
    """
