"""The loaded native library: the only place that opens it, and the only one that looks for it.

It is the file inside the package, or the one that the environment variable SMIPC_LIBRARY names;
the system's directories are never searched. A library that does not fit this package is refused
here, in one sentence, and not later by a crash.
"""

from __future__ import annotations

import os
import sys

from smipc import _abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if sys.platform == "win32":
    FILE_NAME = "smipc.dll"
elif sys.platform == "darwin":
    FILE_NAME = "libsmipc.dylib"
else:
    FILE_NAME = "libsmipc.so"

_PACKAGE = os.path.dirname(os.path.abspath(__file__))

ffi: Any = _abi.ffi


def library_path() -> str:
    """Where the library is, or should be."""
    override = os.environ.get("SMIPC_LIBRARY")
    if override:
        return os.path.abspath(override)  # a bare name would be searched for
    path = os.path.join(_PACKAGE, "lib", FILE_NAME)
    if not os.path.exists(path):  # an editable install keeps it elsewhere
        from importlib.resources import files

        elsewhere = str(files("smipc") / "lib" / FILE_NAME)
        if os.path.exists(elsewhere):
            return elsewhere
    return path


def _is_source(path: str) -> bool:
    """Whether it is missing because this is the package's source: Python takes that for the package
    when it is started in a clone."""
    return (
        path == os.path.join(_PACKAGE, "lib", FILE_NAME)
        and not os.path.exists(path)
        and os.path.exists(os.path.join(os.path.dirname(_PACKAGE), "native", "CMakeLists.txt"))
    )


def load(path: str) -> Any:
    """The library at `path`, checked. ImportError."""
    remedy = "reinstall smipc, or let SMIPC_LIBRARY name the library that belongs to this version"
    try:
        library = ffi.dlopen(path)
    except OSError as error:
        if _is_source(path):
            remedy = f"{_PACKAGE!r} is its source: start Python in a folder other than the clone"
        raise ImportError(
            f"smipc cannot load its native library {path!r} ({error}): {remedy}", path=path
        ) from None
    try:
        for name in _abi.FUNCTIONS:
            getattr(library, name)
        version = library.smipc_abi_version()
    except (AttributeError, ffi.error) as error:
        raise ImportError(
            f"{path!r} is no smipc library, or an older one ({error}): {remedy}", path=path
        ) from None
    if version != _abi.SMIPC_ABI_VERSION:
        raise ImportError(
            f"the native library {path!r} has ABI version {version}, and this package needs"
            f" {_abi.SMIPC_ABI_VERSION}: {remedy}",
            path=path,
        )
    options = ffi.new("smipc_channel_options *")
    library.smipc_channel_options_init(options)
    if options.struct_size != ffi.sizeof("smipc_channel_options"):
        raise ImportError(
            f"the native library {path!r} has channel options of {options.struct_size} bytes, and"
            f" this package of {ffi.sizeof('smipc_channel_options')}: {remedy}",
            path=path,
        )
    return library


lib: Any = load(library_path())


def last_error() -> str:
    """What the last failing call of this thread had to say, in one line."""
    text: bytes = ffi.string(lib.smipc_last_error())
    return text.decode("utf-8", "backslashreplace")
