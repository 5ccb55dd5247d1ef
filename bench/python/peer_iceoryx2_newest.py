"""Contestant: iceoryx2, publish-subscribe with safe overflow: the subscriber's buffer keeps the
newest samples, and the publisher does not wait. One item a sample."""

from __future__ import annotations

import ctypes

from circular_harness import Contestant, main
from harness import unique_name


class Iceoryx2Newest(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import iceoryx2

        self.iox2 = iceoryx2
        iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
        self.name = unique_name("-newest")

    def service(self):
        iox2 = self.iox2
        self.node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        return (
            self.node.service_builder(iox2.ServiceName.new(self.name))
            .publish_subscribe(ctypes.c_uint64)
            .enable_safe_overflow(True)
            .max_subscribers(16)
            .subscriber_max_buffer_size(min(self.options.capacity // 8, 4096))
            .open_or_create()
        )

    def open_writer(self):
        self.port = self.service().publisher_builder().create()

    def open_reader(self):
        self.port = self.service().subscriber_builder().create()

    def push(self, number):
        sample = self.port.loan_uninit()
        sample.write_payload(ctypes.c_uint64(number)).send()

    def take(self):
        sample = self.port.receive()
        if sample is None:
            return ()
        number = sample.payload().contents.value
        sample.delete()
        return (number,)

    def close(self):
        self.port.delete()
        del self.node


if __name__ == "__main__":
    main(Iceoryx2Newest)
