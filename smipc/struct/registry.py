"""The structures that a program may name: those of the modules given to setUserStructs."""

from __future__ import annotations

import importlib
from types import ModuleType

from smipc.errors import InvalidArgumentError, InvalidTypeError, clipped, kind_and_value
from smipc.struct.base_struct import BaseMmapStructure
from smipc.struct.errors import UnknownStructureError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_known: dict[str, type[BaseMmapStructure]] = {}


def register(modules: Iterable[str | ModuleType]) -> list[str]:
    """Registers the structures of modules, given by name or themselves; returns their names.

    InvalidTypeError; UnknownStructureError: no such module, or none in it; InvalidArgumentError:
    two modules have one of the same name.
    """
    if isinstance(modules, (str, bytes, ModuleType)) or not hasattr(modules, "__iter__"):
        raise InvalidTypeError(f"a list of modules is needed, not {kind_and_value(modules)}")
    found: dict[str, type[BaseMmapStructure]] = {}
    for given in modules:
        module = _module(given)
        here = structures_of(module)
        if not here:
            raise UnknownStructureError(f"module {module.__name__!r} has no BaseMmapStructure")
        for name, structure in here.items():
            other = found.get(name) or _known.get(name)
            if other is not None and other.__module__ != structure.__module__:
                raise InvalidArgumentError(
                    f"modules {other.__module__!r} and {structure.__module__!r} both have a"
                    f" structure {name!r}"
                )
            found[name] = structure
    _known.update(found)
    return list(found)


def structures_of(module: ModuleType) -> dict[str, type[BaseMmapStructure]]:
    """What a module defines or imports that derives from BaseMmapStructure."""
    return {
        value.__name__: value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseMmapStructure)
        and value is not BaseMmapStructure
    }


def structure_named(name: str | type[BaseMmapStructure]) -> type[BaseMmapStructure]:
    """InvalidTypeError, UnknownStructureError."""
    if isinstance(name, type) and issubclass(name, BaseMmapStructure):
        return name
    if not isinstance(name, str):
        raise InvalidTypeError(f"a structure is named by a str, not {kind_and_value(name)}")
    structure = _known.get(name)
    if structure is None:
        known = ", ".join(sorted(_known)) or "none"
        raise UnknownStructureError(
            f"there is no structure {clipped(name)}; setUserStructs has registered {known}"
        )
    return structure


def _module(given: str | ModuleType) -> ModuleType:
    if isinstance(given, ModuleType):
        return given
    if not isinstance(given, str):
        raise InvalidTypeError(
            f"a module is given by its name or itself, not {kind_and_value(given)}"
        )
    try:
        return importlib.import_module(given)
    except ModuleNotFoundError as error:
        raise UnknownStructureError(f"module {given!r} cannot be imported: {error}") from error
    except (ValueError, TypeError) as error:  # an empty or a relative name
        raise InvalidArgumentError(f"{given!r} is no name of a module: {error}") from None
