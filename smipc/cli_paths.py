"""Where this installation keeps what C and C++ programs need.

A wheel and an install tree have all of it around the library. In a source checkout, whose library
SMIPC_LIBRARY names, headers and demo sources are those of the checkout.
"""

from __future__ import annotations

from pathlib import Path

from smipc._native import library_path

_CHECKOUT = Path(__file__).resolve().parent.parent


def library() -> Path:
    """The shared library that this process uses."""
    return Path(library_path()).absolute()


def library_dir() -> Path:
    return library().parent


def include_dir() -> Path:
    return _first("include", _CHECKOUT / "native" / "include")


def demo_sources_dir() -> Path:
    return _first("_demo", _CHECKOUT / "examples" / "cpp")


def cmake_dir() -> Path:
    return _first("lib/cmake/smipc")


def pkgconfig_dir() -> Path:
    return _first("lib/pkgconfig")


def _first(name: str, *others: Path) -> Path:
    """The folder of that name beside the library's, or the first of the others that exists."""
    beside = library_dir().parent / name
    for path in (beside, *others):
        if path.is_dir():
            return path
    raise FileNotFoundError(f"this installation of smipc has no {beside}")
