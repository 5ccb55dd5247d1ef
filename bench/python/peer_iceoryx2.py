"""Contestant: iceoryx2, publish-subscribe of byte slices, set so that nothing is lost: the
publisher waits while the subscriber's buffer is full. --wait spin asks for the next sample again
and again; --wait block sleeps on an event service, which the sender notifies after each sample."""

from __future__ import annotations

import ctypes

from harness import Contestant, main, unique_name


class Iceoryx2Peer(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import iceoryx2

        self.iox2 = iceoryx2
        iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
        self.names = [unique_name("-there"), unique_name("-back")]
        self.samples = max(2, min(options.capacity // options.size, 4096))
        if options.wait == "block":
            self.send, self.recv = self.send_and_notify, self.wait_and_recv

    def attach(self, initiator):
        iox2 = self.iox2
        self.node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        out, into = self.names if initiator else self.names[::-1]
        self.subscriber = self.service(into).subscriber_builder().create()
        self.publisher = (
            self.service(out)
            .publisher_builder()
            .initial_max_slice_len(self.options.size)
            .backpressure_strategy(iox2.BackpressureStrategy.RetryUntilDelivered)
            .create()
        )
        self.notifier = self.event(out).notifier_builder().create()
        self.listener = self.event(into).listener_builder().create()

    def service(self, name):
        iox2 = self.iox2
        return (
            self.node.service_builder(iox2.ServiceName.new(name))
            .publish_subscribe(iox2.Slice[ctypes.c_uint8])
            .enable_safe_overflow(False)
            .subscriber_max_buffer_size(self.samples)
            .open_or_create()
        )

    def event(self, name):
        return self.node.service_builder(self.iox2.ServiceName.new(name)).event().open_or_create()

    def detach(self):
        for part in (self.listener, self.notifier, self.publisher, self.subscriber):
            part.delete()
        del self.node

    def send(self, message):
        sample = self.publisher.loan_slice_uninit(len(message))
        ctypes.memmove(sample.payload_ptr, message, len(message))
        sample.assume_init().send()

    def next_sample(self):
        receive = self.subscriber.receive
        sample = receive()
        while sample is None:
            sample = receive()
        return sample

    def recv(self):
        sample = self.next_sample()
        message = ctypes.string_at(sample.payload_ptr, self.options.size)
        sample.delete()
        return message

    def send_and_notify(self, message):
        Iceoryx2Peer.send(self, message)
        self.notifier.notify()

    def wait_and_recv(self):
        sample = self.subscriber.receive()
        while sample is None:
            self.listener.blocking_wait()
            sample = self.subscriber.receive()
        message = ctypes.string_at(sample.payload_ptr, self.options.size)
        sample.delete()
        return message

    def send_array(self, array):
        sample = self.publisher.loan_slice_uninit(array.nbytes)
        ctypes.memmove(sample.payload_ptr, array.ctypes.data, array.nbytes)
        sample.assume_init().send()

    def recv_array(self, out):
        if self.options.target == "view":
            return self.view_array()
        sample = self.next_sample()
        ctypes.memmove(out.ctypes.data, sample.payload_ptr, out.nbytes)
        sample.delete()
        return out

    held = None

    def view_array(self):
        import numpy as np

        if self.held is not None:
            self.held.delete()  # the one before: its array is not looked at any more
        self.held = self.next_sample()
        memory = (ctypes.c_uint8 * self.options.size).from_address(self.held.payload_ptr)
        return np.frombuffer(memory, np.float32)


if __name__ == "__main__":
    main(Iceoryx2Peer)
