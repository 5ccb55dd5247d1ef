"""smipc: a NamedMessageQueue in each direction."""

from __future__ import annotations

from harness import Contestant, main, unique_name


class QueueContestant(Contestant):
    def __init__(self, options):
        super().__init__(options)
        import smipc

        self.smipc = smipc
        self.names = [unique_name("-there"), unique_name("-back")]

    def attach(self, initiator):
        out, into = self.names if initiator else self.names[::-1]
        self.out = self.open_queue(out)
        self.into = self.open_queue(into)
        self.send = self.out.send
        self.receive = self.into.receive

    def open_queue(self, name):
        size = self.options.size
        return self.smipc.NamedMessageQueue(
            name,
            max(self.options.capacity // size, 2),
            size,
            handle_existence=self.smipc.Flags.LINK_OR_CREATE,
            unlink_on_delete=True,
        )

    def detach(self):
        self.out.close()
        self.into.close()

    send = None

    def recv(self):
        return self.receive()[0]


if __name__ == "__main__":
    main(QueueContestant)
