"""The command `smipc`. Each job is a module of its own and imported only when it runs."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys

from smipc.errors import SmipcError

JOBS = {
    "demo": ("smipc.cli_demo", "send a folder's files between two processes and check each"),
    "bench": ("smipc.cli_bench", "how fast messages go between two processes on this machine"),
    "config": ("smipc.cli_config", "what C and C++ builds need to know"),
    "clean": ("smipc.cli_clean", "remove what killed processes have left"),
    "structs": ("smipc.cli_structs", "show a module's locked structures, or write their C header"),
}


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code; what becomes of its output is seen to here."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(sys.stdout or nowhere),  # each is None when it was closed
        contextlib.redirect_stderr(sys.stderr or nowhere),
    ):
        try:
            try:
                return _run(arguments)
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            code, message = 130, ""
        except SmipcError as error:
            code, message = 1, str(error)
        except OSError as error:
            code, message = 1, "" if _is_closed_pipe(error) else str(error)
        if message:
            print(" ".join(["smipc", *arguments[:1]]) + f": {message}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # again, and Python must not complain of it at exit
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return code


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="smipc", description="Shared-memory channels between processes."
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    jobs = parser.add_subparsers(dest="job", metavar="COMMAND")
    for name, (module, help_text) in JOBS.items():
        description = f"{help_text[0].upper()}{help_text[1:]}."
        job = jobs.add_parser(name, help=help_text, description=description)
        if name in arguments[:1]:
            importlib.import_module(module).add_arguments(job)
    chosen = parser.parse_args(arguments)
    if chosen.version:
        from smipc import __version__

        print("smipc", __version__)
        return 0
    if chosen.job is None:
        parser.print_help()
        return 2
    code: int = importlib.import_module(JOBS[chosen.job][0]).run(chosen)
    return code


def _is_closed_pipe(error: OSError) -> bool:
    """Whether it says that whoever read our output has gone."""
    if sys.platform == "win32" and error.errno == errno.EINVAL and error.filename is None:
        return True
    return isinstance(error, BrokenPipeError)


if __name__ == "__main__":
    sys.exit(main())
