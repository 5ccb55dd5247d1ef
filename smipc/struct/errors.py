"""What can be wrong with a structure, beside what smipc.errors has."""

from __future__ import annotations

import errno

from smipc import _abi
from smipc.errors import InvalidArgumentError, InvalidTypeError, SmipcError


class StructureHeaderError(InvalidTypeError):
    """The structure does not begin with a MmapStructureHeader called `header`."""


class StructureLayoutError(InvalidTypeError):
    """The structure has fields that mean nothing in another process, or none that C could have."""


class UnknownStructureError(SmipcError, LookupError):
    """No module that was given to setUserStructs has a structure of that name."""

    status = _abi.SMIPC_E_NOT_FOUND


class UnknownFieldError(InvalidArgumentError, AttributeError):
    """The structure has no such field, or no such place in an array."""


class StructureFileError(SmipcError, OSError):
    """The file cannot be made."""

    status = _abi.SMIPC_E_OS
    _errno = errno.EIO


class CutOffEditWarning(RuntimeWarning):
    """An editor died within its `with`: the structure may be half changed."""
