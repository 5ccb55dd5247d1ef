"""The command `smipc`. Each job is a module of its own and imported only when it runs."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys

JOBS = {
    "demo": ("smipc.cli_demo", "send a folder's files between two processes and check each"),
    "bench": ("smipc.cli_bench", "how fast messages go between two processes on this machine"),
    "config": ("smipc.cli_config", "what C and C++ builds need to know"),
    "clean": ("smipc.cli_clean", "remove what killed processes have left"),
    "structs": ("smipc.cli_structs", "show a module's locked structures, or write their C header"),
}


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="smipc", description="Shared-memory channels between processes."
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    jobs = parser.add_subparsers(dest="job", metavar="COMMAND")
    for name, (module, help_text) in JOBS.items():
        job = jobs.add_parser(name, help=help_text, description=help_text.capitalize() + ".")
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
    return _run(JOBS[chosen.job][0], chosen)


def _run(module: str, chosen: argparse.Namespace) -> int:
    from smipc import SmipcError

    try:
        code: int = importlib.import_module(module).run(chosen)
        sys.stdout.flush()
        return code
    except SmipcError as error:
        message = str(error)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or _is_closed_pipe_of_windows(error):
            # Whoever read our output has gone; Python must not complain at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        message = str(error)
    except KeyboardInterrupt:
        return 130
    print(f"smipc {chosen.job}: {message}", file=sys.stderr)
    return 1


def _is_closed_pipe_of_windows(error: OSError) -> bool:
    return sys.platform == "win32" and error.errno == errno.EINVAL and error.filename is None


if __name__ == "__main__":
    sys.exit(main())
