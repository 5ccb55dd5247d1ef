"""Contestant: pyzmq, a PAIR of sockets over ipc://, with as much under way as in the other
contestants."""

from __future__ import annotations

from harness import Contestant, main, unique_name


class PyzmqPeer(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import zmq

        self.zmq = zmq
        self.address = f"ipc://@{unique_name()}"  # abstract: no file to leave behind

    def attach(self, initiator):
        socket = self.socket = self.zmq.Context().socket(self.zmq.PAIR)
        socket.linger = 0
        socket.hwm = max(2, self.options.capacity // self.options.size)
        if initiator:
            socket.bind(self.address)
        else:
            socket.connect(self.address)

    def detach(self):
        self.socket.close()

    def send(self, message):
        self.socket.send(message)

    def recv(self):
        return self.socket.recv()

    def send_array(self, array):
        self.socket.send(array)

    def recv_array(self, out):
        import numpy as np

        return np.frombuffer(self.socket.recv(copy=False), np.float32)

    def send_object(self, item):
        self.socket.send_pyobj(item)

    def recv_object(self):
        return self.socket.recv_pyobj()


if __name__ == "__main__":
    main(PyzmqPeer)
