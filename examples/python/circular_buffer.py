"""The newest samples of a writer that never waits: circular_buffer.py write|read [count] [name].

Start one writer, and as many readers as you like. Those in C and C++ do the same.
"""

import sys
import time

from smipc import SharedCircularBuffer


def write(name: str, count: int) -> None:
    with SharedCircularBuffer(name, create=True, item_size=8, length=1024) as buffer:
        input("Enter starts\n")
        for sample in range(1, count + 1):
            buffer.push(sample)
        input("Enter ends\n")


def read(name: str, count: int) -> None:
    with SharedCircularBuffer(name) as buffer:
        print("attached", flush=True)
        got, last = 0, 0
        while last < count:
            samples = buffer.popmany(100)
            if samples:
                got, last = got + len(samples), samples[-1]
            else:
                time.sleep(0.001)  # a buffer tells nobody: for that there are channels
        print(f"got {got}, missed {buffer.lost}, the last was {last}")


if __name__ == "__main__":
    name = sys.argv[3] if len(sys.argv) > 3 else "example-samples"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    write(name, count) if sys.argv[1:2] == ["write"] else read(name, count)
