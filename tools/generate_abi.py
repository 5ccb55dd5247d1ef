"""Writes smipc/_abi.py, what cffi and Python need to know of native/include/smipc.h.

python tools/generate_abi.py            writes the file
python tools/generate_abi.py --check    fails when the file is out of step with the header

The result is cffi's out-of-line ABI-mode module (no compiler, fast to import), followed by the
header's constants as Python integers and by the names of its functions. It depends on nothing but
the header and cffi's format version, so that two runs give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import operator
import re
import sys
import tempfile
from pathlib import Path

import cffi

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "native" / "include" / "smipc.h"
OUTPUT = ROOT / "smipc" / "_abi.py"

OPENING = '''"""Generated from native/include/smipc.h by tools/generate_abi.py. Do not edit."""
# mypy: ignore-errors
# ruff: noqa
# fmt: off
'''

_INCLUDE = re.compile(r'^#include "(smipc/\w+\.h)"$', re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DEFINE = re.compile(r"#\s*define\s+(SMIPC_\w+)\s+(\S.*)$")
_CAST = re.compile(r"\(\s*u?int\d+_t\s*\)")
_FUNCTION = re.compile(r"SMIPC_API[^;(]*?\b(smipc_\w+)\s*\(")
_OPERATORS = {ast.LShift: operator.lshift, ast.Add: operator.add, ast.Sub: operator.sub}


def constant_value(expression: str) -> int:
    """The value of a constant of the header: a number, a cast number, a shift."""

    def value(node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return int(_OPERATORS[type(op)](value(left), value(right)))
        raise ValueError(f"smipc.h: cannot evaluate {expression!r}")

    return value(ast.parse(_CAST.sub("", expression).strip(), mode="eval").body)


def split_header(text: str) -> tuple[str, dict[str, int], list[str]]:
    """The declarations without the preprocessor, the constants, the names of the functions."""
    declarations: list[str] = []
    constants: dict[str, int] = {}
    guard_depth = 1  # what is between the include guard's #ifndef and #endif counts
    depth = 0
    for line in _COMMENT.sub(" ", text).replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            if re.match(r"#\s*if", stripped):
                depth += 1
            elif re.match(r"#\s*endif", stripped):
                depth -= 1
            elif depth == guard_depth and (match := _DEFINE.match(stripped)):
                constants[match[1]] = constant_value(match[2])
        elif depth == guard_depth:
            declarations.append(line)
    joined = "\n".join(declarations)
    return joined.replace("SMIPC_API ", ""), constants, _FUNCTION.findall(joined)


def split_headers() -> tuple[str, dict[str, int], list[str]]:
    """smipc.h, and what it includes at its end."""
    text = HEADER.read_text(encoding="utf-8")
    declarations, constants, functions = split_header(text)
    for included in _INCLUDE.findall(text):
        more = split_header((HEADER.parent / included).read_text(encoding="utf-8"))
        declarations += more[0]
        constants |= more[1]
        functions += more[2]
    return declarations, constants, functions


def generate() -> str:
    declarations, constants, functions = split_headers()
    ffi = cffi.FFI()
    ffi.cdef(declarations)
    ffi.set_source("smipc._abi", None)
    with tempfile.TemporaryDirectory() as folder:
        emitted = Path(folder) / "_abi.py"
        with contextlib.redirect_stdout(io.StringIO()):  # it announces what it does
            ffi.emit_python_code(str(emitted))
        code = emitted.read_text(encoding="utf-8")
    lines = [OPENING, code.split("\n", 1)[1].strip("\n"), ""]
    lines += [f"{name} = {value}" for name, value in constants.items()]
    lines += ["", "FUNCTIONS = ("]
    lines += [f"    {name!r}," for name in functions]
    lines += [")", ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="only compare, write nothing")
    check_only = parser.parse_args().check
    wanted = generate()
    if not check_only:
        OUTPUT.write_text(wanted, encoding="utf-8", newline="\n")
        return 0
    if OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == wanted:
        return 0
    print(
        f"{OUTPUT.relative_to(ROOT)} is out of step with {HEADER.relative_to(ROOT)}:"
        " run python tools/generate_abi.py",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
