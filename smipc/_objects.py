"""Objects as messages: the part of a Channel that pickles, and does so when it is first asked to.

The form of the messages is in _pickles.py.
"""

from __future__ import annotations

from smipc._buffers import readable
from smipc._outbox import Outbox
from smipc._placing import PlacingInbox
from smipc._timing import deadline_after, is_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PICKLE_START = 0x80


# The module that imports pickle: imported when it is first used, and kept here because an import
# statement costs most of a microsecond each time.
_pickles: Any = None


def with_pickle() -> Any:
    global _pickles
    if _pickles is None:
        from smipc import _pickles
    return _pickles


# Until the first object.
def _dumps(thing: object, protocol: int, **options: Any) -> bytes:
    _import_pickle()
    return _dumps(thing, protocol, **options)


def _loads(message: bytes | memoryview) -> Any:
    _import_pickle()
    return _loads(message)


def _import_pickle() -> None:
    global _dumps, _loads
    pickles = with_pickle()
    _dumps, _loads = pickles.dumps, pickles.loads


class Objects(PlacingInbox, Outbox):
    __slots__ = ()

    def send_object(self, thing: object, timeout: float | None = None) -> None:
        """Sends any object that can be pickled, as one message. Large buffers in it (numpy arrays,
        pickle.PickleBuffer) are copied once, into the channel. Errors as for send, and pickle's."""
        spare = self._spare
        self._spare = None  # pickling may run other code, and other threads, that send objects
        if spare is None:
            buffers: list[Any] = []
            spare = buffers, buffers.append
        buffers, note = spare
        stem = _dumps(thing, 5, buffer_callback=note)
        if buffers:
            parts = with_pickle().parts_with(stem, buffers)
            self._send_all(parts, deadline_after(self._cid, timeout))
        else:
            self._spare = spare
            if type(stem) is bytes and (timeout is None or is_timeout(timeout)):
                send = self._send_now
                if not send(stem):
                    return
            self._send_all((readable(self._cid, stem),), deadline_after(self._cid, timeout))

    def recv_object(self, timeout: float | None = None) -> Any:
        """Receives an object. Only from a writer that you trust: unpickling runs what it sends.

        When that fails, with MessageFormatError (no pickled object) or whatever unpickling raises,
        the message stays, and recv can take it. Other errors as for recv.
        """
        deadline = None if timeout is None else deadline_after(self._cid, timeout)
        message: bytes | memoryview | None = None
        try:
            while True:
                for count, message in self._it:
                    self._taken[0] = count
                    if message and message[0] == _PICKLE_START:
                        return _loads(message)
                    return with_pickle().load(self, message)
                if deadline is None and self._fetch_list():
                    continue
                if self._fill(deadline, announce_large=True):
                    pickles = with_pickle()
                    for message in map(self._recv_as, (pickles.plan_in(self),), (deadline,)):
                        return pickles.load(self, message)
        except BaseException:  # of the pickle, or of a signal handler: nothing tells them apart
            if message is not None:
                self._put_back(bytes(message))
            raise
