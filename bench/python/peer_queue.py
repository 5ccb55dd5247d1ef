"""Contestant: multiprocessing.Queue. Its feeder thread pickles later, so an array that the sender
goes on changing has to be copied first."""

from __future__ import annotations

from multiprocessing import Queue

from harness import Contestant, main

MOST_ITEMS = 32767  # of a semaphore, which counts them


class QueuePeer(Contestant):
    def __init__(self, options):
        super().__init__(options)
        items = max(2, min(options.capacity // options.size, MOST_ITEMS))
        self.queues = [Queue(items), Queue(items)]

    def attach(self, initiator):
        self.out, self.into = self.queues if initiator else self.queues[::-1]

    def send(self, message):
        self.out.put(message)

    def recv(self):
        return self.into.get()

    def send_array(self, array):
        self.out.put(array.copy())

    def recv_array(self, out):
        return self.into.get()

    send_object = send
    recv_object = recv


if __name__ == "__main__":
    main(QueuePeer)
