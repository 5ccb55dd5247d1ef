"""Numbers of bytes on the command line."""

from __future__ import annotations

import argparse

from smipc import _abi


def capacity(text: str) -> int:
    """A channel's."""
    return byte_count(text, 1, _abi.SMIPC_MAX_CAPACITY)


def byte_count(text: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of bytes from {least} to {most}"
        )
    return value
