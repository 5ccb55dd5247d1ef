"""`smipc structs`: what locked structures a Python module has, and their C header."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("module", help="a module's name (as for import), or the path of a .py file")
    parser.add_argument("structure", nargs="*", help="only these")
    parser.add_argument("--header", action="store_true", help="write a C header")
    parser.add_argument("-o", "--output", help="to this file instead of standard output")


def run(arguments: argparse.Namespace) -> int:
    text = text_for(arguments.module, arguments.structure, arguments.header)
    if arguments.output:
        Path(arguments.output).write_text(text, encoding="utf-8", newline="\n")
    else:
        sys.stdout.write(text)
    return 0


def text_for(module: str, names: list[str], as_header: bool) -> str:
    """UnknownStructureError; what the structures themselves have wrong."""
    import importlib

    from smipc.struct.c_header import header_of
    from smipc.struct.errors import UnknownStructureError
    from smipc.struct.registry import structures_of

    name = module
    if module.endswith(".py"):
        folder, file = os.path.split(os.path.abspath(module))
        sys.path.insert(0, folder)
        name = file.removesuffix(".py")
    else:
        sys.path.insert(0, os.getcwd())
    try:
        imported = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever its code does
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UnknownStructureError(f"module {module!r} cannot be imported: {reason}") from None
    found = structures_of(imported)
    unknown = [wanted for wanted in names if wanted not in found]
    if unknown or not found:
        has = ", ".join(found) or "none"
        what = unknown[0] if unknown else "BaseMmapStructure"
        raise UnknownStructureError(f"module {name!r} has no {what}; it has {has}")
    chosen = [found[wanted] for wanted in names or found]
    if as_header:
        return header_of(name, chosen)
    return "\n".join(map(_listing, chosen)) + "\n"


def _listing(structure: type) -> str:
    from smipc.struct.layout import code_of, layout_of

    kind = layout_of(structure)
    lines = [f"{structure.__name__}: {kind.size} bytes, code 0x{code_of(structure):04x}"]
    for field in kind.fields:
        bits = f" : {field.bits}" if field.bits is not None else ""
        lines.append(f"  {field.offset:6} {field.name}{bits} ({field.kind.type.__name__})")
    return "\n".join(lines)
