"""Contestant: POSIX message queues through posix_ipc, as deep as the system lets an ordinary user
make them."""

from __future__ import annotations

import pickle
from pathlib import Path

from harness import Contestant, NotOffered, main, unique_name


def system_limit(name: str, otherwise: int) -> int:
    try:
        return int(Path("/proc/sys/fs/mqueue", name).read_text())
    except OSError:
        return otherwise


class PosixIpcPeer(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import posix_ipc

        largest = system_limit("msgsize_max", 8192)
        if options.size > largest:
            raise NotOffered(f"messages of at most {largest} B")
        self.queues = []
        for suffix in ("there", "back"):
            queue = posix_ipc.MessageQueue(
                f"/{unique_name(suffix)}",
                posix_ipc.O_CREX,
                max_messages=system_limit("msg_max", 10),
                max_message_size=max(options.size, 512),
            )
            queue.unlink()  # both processes inherit the descriptor
            self.queues.append(queue)

    def attach(self, initiator):
        self.out, self.into = self.queues if initiator else self.queues[::-1]

    def send(self, message):
        self.out.send(message)

    def recv(self):
        return self.into.receive()[0]

    def send_object(self, item):
        self.out.send(pickle.dumps(item))

    def recv_object(self):
        return pickle.loads(self.into.receive()[0])


if __name__ == "__main__":
    main(PosixIpcPeer)
