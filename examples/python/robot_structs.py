"""The structure that the programs structure.py, structure.c and structure.cpp share.

smipc structs robot_structs.py --header -o ../c/robot_structs.h     writes it for C and C++
"""

import ctypes

from smipc.struct import base_struct as bs


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))


class Robot(bs.BaseMmapStructure):
    _fields_ = (
        ("header", bs.MmapStructureHeader),
        ("name", ctypes.c_char * 32),
        ("moves", ctypes.c_int64),
        ("position", Point),
    )
