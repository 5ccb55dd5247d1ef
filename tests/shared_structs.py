"""The structures that tests share, in several processes and languages."""

from __future__ import annotations

import ctypes

from smipc.struct import base_struct as bs


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))


class Either(ctypes.Union):
    _fields_ = (("number", ctypes.c_uint32), ("letters", ctypes.c_char * 4))


class Packed(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("flag", ctypes.c_uint8), ("wide", ctypes.c_uint64))


class Everything(bs.BaseMmapStructure):
    _fields_ = (
        ("header", bs.MmapStructureHeader),
        ("data_int", ctypes.c_int32),
        ("data_string", ctypes.c_char * 256),
        ("data_xy", Point),
        ("tiny", ctypes.c_int8),
        ("byte", ctypes.c_uint8),
        ("short", ctypes.c_int16),
        ("huge", ctypes.c_uint64),
        ("single", ctypes.c_float),
        ("truth", ctypes.c_bool),
        ("letter", ctypes.c_char),
        ("wide", ctypes.c_wchar * 8),
        ("table", ctypes.c_int16 * 3 * 2),
        ("points", Point * 4),
        ("either", Either),
        ("packed", Packed),
        ("low", ctypes.c_uint32, 3),
        ("high", ctypes.c_int32, 5),
        ("next", ctypes.c_uint8),
        ("class", ctypes.c_int),  # a word of C++
        ("last", ctypes.c_longlong),
    )


class Pair(bs.BaseMmapStructure):
    """Which an editor always leaves with two equal numbers."""

    _fields_ = (("header", bs.MmapStructureHeader), ("a", ctypes.c_int64), ("b", ctypes.c_int64))


class Longer(Pair):
    _fields_ = (("c", ctypes.c_int64),)
