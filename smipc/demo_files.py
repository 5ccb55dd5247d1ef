"""Which files `smipc demo` sends: all regular ones under a folder, in a fixed order."""

from __future__ import annotations

import os
import stat
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Listing:
    """Relative names and sizes of the files under `folder`, sorted; how many cannot be read."""

    folder: str
    names: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    unreadable: int = 0

    @property
    def total_bytes(self) -> int:
        return sum(self.sizes)

    @property
    def largest(self) -> int:
        return max(self.sizes, default=0)


def default_folder() -> str:
    """Python's standard library: some thousand files, empty ones and large ones among them."""
    return sysconfig.get_path("stdlib")


# Inside the standard library's folder, but of whoever installed something: not part of it.
_NOT_THE_LIBRARY = (b"site-packages", b"dist-packages")


def list_files(folder: str) -> Listing:
    """Symbolic links to files count as files; links to folders are not followed.

    Of the default folder, what pip has installed inside is left out.
    """
    listing = Listing(os.path.abspath(folder))
    root = os.fsencode(listing.folder)
    for path in sorted(_walk(root, listing)):
        try:
            status = os.stat(path)
        except OSError:
            listing.unreadable += 1
            continue
        if not stat.S_ISREG(status.st_mode):
            continue
        if not os.access(path, os.R_OK):
            listing.unreadable += 1
            continue
        listing.names.append(os.path.relpath(path, root))
        listing.sizes.append(status.st_size)
    return listing


def _walk(root: bytes, listing: Listing) -> Iterator[bytes]:
    def count_error(_: OSError) -> None:
        listing.unreadable += 1

    is_default = os.fsdecode(root) == os.path.abspath(default_folder())
    for folder, subfolders, files in os.walk(root, onerror=count_error):
        if is_default and folder == root:
            subfolders[:] = [name for name in subfolders if name not in _NOT_THE_LIBRARY]
        for name in files:
            yield os.path.join(folder, name)
