"""Which compilers there are, and which to name to those who would take Python's own.

scikit-build-core builds with the compiler that Python was built with, unless CC and CXX say another
one. On a machine that has clang alone Debian's Python names a gcc that is not there.
"""

from __future__ import annotations

import os
import shutil
import sysconfig

NAMES = {"CC": ("cc", "gcc", "clang"), "CXX": ("c++", "g++", "clang++")}


def found(variable: str, path: str | None = None) -> str | None:
    """The compiler that CC, or CXX, names, or the first one on the PATH."""
    for name in (os.environ.get(variable, ""), *NAMES[variable]):
        compiler = shutil.which(name, path=path) if name else None
        if compiler is not None:
            return compiler
    return None


def in_place_of_pythons_own(path: str | None = None) -> dict[str, str]:
    """CC and CXX for the environment, where Python's own compiler is not there."""
    instead = {}
    for variable in NAMES:
        own = str(sysconfig.get_config_var(variable) or "").split()
        if own and not os.environ.get(variable) and shutil.which(own[0], path=path) is None:
            compiler = found(variable, path)
            if compiler is not None:
                instead[variable] = compiler
    return instead
