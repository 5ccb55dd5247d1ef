"""Contestant: faster-fifo. Bytes and arrays pass without its pickling, which it lets one
replace."""

from __future__ import annotations

from harness import Contestant, main

PATIENCE = 1e6  # seconds; its calls give up after 10 otherwise


class FasterFifoPeer(Contestant):
    def __init__(self, options):
        super().__init__(options)
        from faster_fifo import Queue

        converters = {
            "object": {},  # pickle, its default
            "array": {"dumps": lambda array: array.tobytes(), "loads": self.load_array},
        }.get(options.kind, {"dumps": lambda message: message, "loads": bytes})
        room = max(options.capacity, 2 * options.size) + (1 << 16)
        self.queues = [Queue(room, **converters), Queue(room, **converters)]

    def load_array(self, view):
        import numpy as np

        return np.frombuffer(view, np.float32)  # valid until the next get

    def attach(self, initiator):
        self.out, self.into = self.queues if initiator else self.queues[::-1]

    def send(self, message):
        self.out.put(message, timeout=PATIENCE)

    def recv(self):
        return self.into.get(timeout=PATIENCE)

    def send_many(self, messages):
        self.out.put_many(messages, timeout=PATIENCE)

    def recv_many(self, limit):
        return self.into.get_many(timeout=PATIENCE, max_messages_to_get=limit)

    send_array = send

    def recv_array(self, out):
        out[:] = self.into.get(timeout=PATIENCE)
        return out

    send_object = send
    recv_object = recv


if __name__ == "__main__":
    main(FasterFifoPeer)
