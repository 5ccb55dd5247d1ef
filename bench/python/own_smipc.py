"""smipc: a channel in each direction, message framing."""

from __future__ import annotations

from harness import Contestant, main, unique_name


class SmipcContestant(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import smipc

        self.smipc = smipc
        self.names = [unique_name("-there"), unique_name("-back")]

    def attach(self, initiator):
        out, into = self.names if initiator else self.names[::-1]
        self.out = self.open_end(out, self.smipc.CHAN_W)
        self.into = self.open_end(into, self.smipc.CHAN_R)
        # The methods themselves: nothing of this file stands between the loop and them.
        self.send, self.recv = self.out.send, self.into.recv
        self.send_many, self.recv_many = self.out.send_many, self.into.recv_many
        self.send_array = self.out.send_array
        self.send_object, self.recv_object = self.out.send_object, self.into.recv_object
        self.recv_array = {
            "given": self.receive_into_given,
            "new": self.receive_into_new,
            "view": self.receive_view,
        }[self.options.target]

    def open_end(self, name, mode):
        options = self.options
        channel = self.smipc.open_channel(
            name, mode, options.capacity, framing="message", wait=options.wait
        )
        return channel.open()

    def detach(self):
        if self.held is not None:
            self.held.__exit__(None, None, None)
        self.out.close()
        self.into.close()

    # Offered; each end gets the real ones when it is attached.
    send = recv = send_many = recv_many = send_array = recv_array = send_object = recv_object = None

    def receive_into_given(self, out):
        return self.into.recv_array(out=out)

    def receive_into_new(self, out):
        return self.into.recv_array()

    held = None

    def receive_view(self, out):
        if self.held is not None:
            self.held.__exit__(None, None, None)  # the one before is not looked at any more
        self.held = self.into.peek_array()
        return self.held.__enter__()


if __name__ == "__main__":
    main(SmipcContestant)
