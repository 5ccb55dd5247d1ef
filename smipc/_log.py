"""Logging: lines of the logger "smipc", as init_library asked for.

LOG_BASIC: channels opening and closing, as INFO. LOG_ALL: also each transfer, as DEBUG, with sizes
and never with content. At LOG_ALL a Channel gets another class when it is opened, whose methods
log; at the other levels transfers know nothing of logging.
"""

from __future__ import annotations

from smipc import _abi
from smipc.errors import OppositeEndClosedError, OppositeEndDiedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger
    from typing import Any

    from smipc.channel import Channel

LOG_DISABLE = _abi.SMIPC_LOG_DISABLE
LOG_BASIC = _abi.SMIPC_LOG_BASIC
LOG_ALL = _abi.SMIPC_LOG_ALL

_level = LOG_DISABLE


def set_level(level: int) -> None:
    global _level
    _level = level
    if level != LOG_DISABLE:
        import logging

        logging.getLogger("smipc").setLevel(logging.INFO if level == LOG_BASIC else logging.DEBUG)


def opened(channel: Channel) -> None:
    """After opening: says so, and makes the transfers say so, too, at LOG_ALL."""
    if _level != LOG_DISABLE:
        _logger().info("opened %r", channel)
    if _level == LOG_ALL:
        channel.__class__ = _logging_class(_plain_class(type(channel)))
    elif type(channel) in _plain_classes:
        channel.__class__ = _plain_class(type(channel))


def closed(channel: Channel) -> None:
    if _level != LOG_DISABLE:
        _logger().info("closed %r", channel)


def _logger() -> Logger:
    import logging

    return logging.getLogger("smipc")


def _size(result: Any) -> str:
    if isinstance(result, int):
        return f"{result} bytes"
    if isinstance(result, list):
        return f"{len(result)} messages, {sum(map(len, result))} bytes"
    return f"{memoryview(result).nbytes} bytes"


def _logs_result(name: str, base: type[Any]) -> Callable[..., Any]:
    from functools import partial

    method = getattr(base, name)

    def receive(self: Any, *args: Any, **kwargs: Any) -> Any:
        for result in map(partial(method, **kwargs), (self,), *((given,) for given in args)):
            try:
                _logger().debug("%s %r: %s", name, self, _size(result))
            except BaseException:
                if isinstance(result, bytes):
                    self._put_back(result)
                raise
            return result

    return receive


def _next(self: Any) -> Any:
    try:
        for message in map(type(self).recv, (self,)):
            return message
    except OppositeEndDiedError:
        raise
    except OppositeEndClosedError:
        raise StopIteration from None
    raise AssertionError("unreachable")


def _logs_argument(name: str, base: type[Any]) -> Callable[..., Any]:
    method = getattr(base, name)

    def send(self: Any, data: Any, *args: Any, **kwargs: Any) -> None:
        if name == "send_many" and not isinstance(data, list):
            data = list(data)
        method(self, data, *args, **kwargs)
        _logger().debug("%s %r: %s", name, self, _size(data))

    return send


_RECEIVING = ("read", "recv", "recv_into", "recv_many")
_SENDING = ("send", "send_many", "write")

_logging_classes: dict[type[Any], type[Any]] = {}
_plain_classes: dict[type[Any], type[Any]] = {}


def _logging_class(base: type[Any]) -> type[Any]:
    known = _logging_classes.get(base)
    if known is None:
        body: dict[str, Any] = {"__slots__": (), "__module__": base.__module__, "__next__": _next}
        body |= {name: _logs_result(name, base) for name in _RECEIVING}
        body |= {name: _logs_argument(name, base) for name in _SENDING}
        known = type(base.__name__, (base,), body)
        _logging_classes[base] = known
        _plain_classes[known] = base
    return known


def _plain_class(kind: type[Any]) -> type[Any]:
    return _plain_classes.get(kind, kind)
