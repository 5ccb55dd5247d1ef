"""What the named objects (semaphore, shared memory, message queue) have in common: what opening one
does about an object that is there already, and how its name is spelt."""

from __future__ import annotations

import enum
import re

from smipc.errors import InvalidArgumentError, InvalidTypeError, kind_and_value

LONGEST_NAME = 200  # bytes, without the slash

_NAME = re.compile(rf"/*([A-Za-z0-9_-]{{1,{LONGEST_NAME}}})", re.ASCII)


class WrongTypeError(InvalidTypeError, InvalidArgumentError):
    """An argument of a named object is of a type that cannot be used here: a TypeError, and a
    ValueError too, as those who wrapped POSIX IPC before raise it."""


class Flags(enum.IntEnum):
    """What opening a named object does about an existing one. The numbers are those of smipc.h."""

    RAISE_IF_NOT_EXISTS = 0  # open an existing one; else FileNotFoundError
    RAISE_IF_EXISTS = 1  # create a new one; else FileExistsError
    LINK_OR_CREATE = 2  # open an existing one, else create it
    UNLINK_AND_CREATE = 3  # remove the name of an existing one, and create a new one


def normalised_name(what: str, name: str | bytes) -> str:
    """The name of an object as "/name". `what` ("semaphore", say) is for the error's text.

    InvalidArgumentError: anything but 1 to 200 letters and digits (of ASCII), "-" and "_", after
    any number of slashes. WrongTypeError: neither str nor bytes.
    """
    if isinstance(name, (bytes, str)):
        text = name if isinstance(name, str) else name.decode("latin-1")
        match = _NAME.fullmatch(text)
        if match is not None:
            return "/" + match[1]
        shown_name = repr(name) if len(name) <= 2 * LONGEST_NAME else f"{len(name)} characters"
        raise InvalidArgumentError(
            f"a {what}'s name is 1 to {LONGEST_NAME} letters, digits, '-' and '_', with or without"
            f" a '/' in front: {shown_name}"
        )
    raise WrongTypeError(f"a {what}'s name must be str or bytes, not {kind_and_value(name)}")


def checked_flags(what: str, name: str, flags: Flags) -> Flags:
    """`handle_existence`, checked. WrongTypeError: it is none of Flags."""
    if isinstance(flags, Flags):
        return flags
    raise WrongTypeError(
        f"{what} {name!r}: handle_existence must be one of Flags, not {kind_and_value(flags)}"
    )


def checked_choice(what: str, name: str, option: str, value: bool | None) -> bool | None:
    """An option that is True, False or None, checked. WrongTypeError."""
    if value is None or isinstance(value, bool):
        return value
    raise WrongTypeError(
        f"{what} {name!r}: {option} must be True, False or None, not {kind_and_value(value)}"
    )
