"""Contestant: multiprocessing.Pipe, a pipe in each direction."""

from __future__ import annotations

from multiprocessing import Pipe

from harness import Contestant, main


class PipePeer(Contestant):
    def __init__(self, options):
        super().__init__(options)
        self.pipes = Pipe(duplex=False), Pipe(duplex=False)

    def attach(self, initiator):
        (there_in, there_out), (back_in, back_out) = self.pipes
        self.out = there_out if initiator else back_out
        self.into = back_in if initiator else there_in

    def send(self, message):
        self.out.send_bytes(message)

    def recv(self):
        return self.into.recv_bytes()

    def send_array(self, array):
        self.out.send_bytes(memoryview(array).cast("B"))

    def recv_array(self, out):
        self.into.recv_bytes_into(memoryview(out).cast("B"))
        return out

    def send_object(self, item):
        self.out.send(item)

    def recv_object(self):
        return self.into.recv()


if __name__ == "__main__":
    main(PipePeer)
