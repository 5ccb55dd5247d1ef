"""smipc: SharedCircularBuffer. Readers take numpy arrays."""

from __future__ import annotations

from circular_harness import Contestant, main
from harness import unique_name


class OwnCircular(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import numpy

        import smipc

        self.kind = smipc.SharedCircularBuffer
        self.name = unique_name("-circular")
        self.room = numpy.zeros(512, dtype=">u8" if options.kind == "push" else "u8")

    def open_writer(self):
        length = self.options.capacity // 8
        self.buffer = self.kind(self.name, create=True, item_size=8, length=length)
        self.push, self.push_array = self.buffer.push, self.buffer.push_bytes

    def open_reader(self):
        self.buffer = self.kind(self.name)

    # Offered; the writer gets the real ones.
    push = push_array = None

    def take(self):
        return self.room[: self.buffer.pop_into(self.room)]

    def close(self):
        self.buffer.close()


if __name__ == "__main__":
    main(OwnCircular)
