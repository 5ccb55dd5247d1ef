"""What an uncontended pair of calls costs from Python, in nanoseconds. One kind a run, one line of
JSON. semaphore: acquire + release; structure, reader: `with` an editor, or a reader, of a locked
structure."""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import sys
import tempfile
from time import perf_counter_ns

from harness import unique_name

import smipc
from smipc.struct import base_struct as bs

IN_A_ROW = 1000


class Numbers(bs.BaseMmapStructure):
    _fields_ = (("header", bs.MmapStructureHeader), ("number", ctypes.c_int64))


def with_it(thing) -> None:
    for _ in range(IN_A_ROW):
        with thing:
            pass


def measure(seconds: float, thing) -> None:
    times = []
    until = perf_counter_ns() + int(seconds * 1e9)
    while perf_counter_ns() < until or len(times) < 5:
        began = perf_counter_ns()
        with_it(thing)
        times.append((perf_counter_ns() - began) / IN_A_ROW)
    print(json.dumps({"value": statistics.median(times), "unit": "ns"}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("semaphore", "structure", "reader"))
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    if options.kind == "semaphore":
        flags = smipc.Flags.RAISE_IF_EXISTS
        measure(options.seconds, smipc.NamedSemaphore(unique_name(), 1, flags))
        return
    with tempfile.TemporaryDirectory() as folder:
        manager = smipc.DataStructMmapManager(Numbers, mmapDir=folder, create=True)
        if options.kind == "structure":
            measure(options.seconds, manager)
        else:
            measure(options.seconds, smipc.DataStructMmapReader(Numbers, mmapDir=folder))


if __name__ == "__main__":
    sys.exit(main())
