"""`smipc config`: what a C or C++ build needs to know about this installation."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from smipc import cli_paths


def _plain(path: Path) -> str:
    """With slashes on Windows, too: compilers take them, and to no shell they are escapes."""
    return path.as_posix()


def cflags() -> str:
    return shlex.quote(f"-I{_plain(cli_paths.include_dir())}")


def libs() -> str:
    folder = _plain(cli_paths.library_dir())
    flags = [f"-L{folder}"]
    if sys.platform != "win32":
        # No loader looks inside a Python package, so programs are told where the library is.
        flags.append(f"-Wl,-rpath,{folder}")
    return shlex.join([*flags, "-lsmipc"])


QUESTIONS = {
    "cflags": (cflags, "compiler options"),
    "libs": (libs, "linker options"),
    "cmakedir": (lambda: _plain(cli_paths.cmake_dir()), "folder for -Dsmipc_DIR=..."),
    "includedir": (lambda: _plain(cli_paths.include_dir()), "folder of smipc.h and smipc.hpp"),
    "libdir": (lambda: _plain(cli_paths.library_dir()), "folder of the shared library"),
    "pkgconfigdir": (lambda: _plain(cli_paths.pkgconfig_dir()), "folder for PKG_CONFIG_PATH"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, (_, help_text) in QUESTIONS.items():
        parser.add_argument(f"--{name}", action="append_const", dest="questions", const=name,
                            help=help_text)  # fmt: skip
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Answers in the order of the questions, on one line, as pkg-config does."""
    if not arguments.questions:
        arguments.usage_error("ask for at least one of --" + ", --".join(QUESTIONS))
    print(*(QUESTIONS[name][0]() for name in arguments.questions))
    return 0
