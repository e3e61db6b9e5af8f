# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A table of names and the modules behind them, imported when first asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import difflib
from importlib import import_module
from importlib.metadata import entry_points, EntryPoint
import threading
from types import MappingProxyType
from typing import Any, Generic, TypeVar
import warnings

from faster_deploy_ros.errors import Unavailable, UnknownName

T = TypeVar('T')


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One row: where the class is, what it needs, what to do when that is missing.

    :param target: ``'package.module:Class'``, imported on first use.
    :param needs: top-level modules whose absence makes the row unavailable, not broken; None: all
        but the package that the row itself comes from.
    :param hint: the remedy, shown with the error: ``'pip install onnxruntime'``.
    """

    target: str
    needs: tuple[str, ...] | None = ()
    hint: str = ''

    def is_lacking(self, error: ImportError) -> bool:
        """Whether a failed import means that something is not installed, or a fault of the row."""
        missing = (error.name or '').partition('.')[0]
        if self.needs is not None:
            return missing in self.needs
        return missing not in ('', self.target.partition('.')[0].partition(':')[0])


class Registry(Generic[T]):
    """
    Names to classes; rows of our own, rows added at run time, rows from entry points.

    :param kind: what a row is, for messages: ``'runtime'``.
    :param group: the entry-point group through which other packages add rows.
    :param known: our own rows.
    """

    def __init__(self, kind: str, group: str, known: Mapping[str, Entry]) -> None:
        """Start with our own rows; entry points are read when first needed."""
        self._kind = kind
        self._group = group
        self._entries = dict(known)
        self._plugins_read = False
        self._lock = threading.Lock()  # around the one reading of the entry points

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All rows, read-only, those of other packages included."""
        self._read_plugins()
        return MappingProxyType(self._entries)

    def __iter__(self) -> Iterator[str]:
        """All names, sorted."""
        return iter(sorted(self.entries))

    def add(self, name: str, entry: Entry) -> None:
        """
        Add a row.

        :raises ValueError: the name is taken; a row is never replaced silently.
        """
        if name in self.entries:
            raise ValueError(
                f"{self._kind} '{name}': the name is taken by {self._entries[name].target}; "
                'choose another')
        self._entries[name] = entry

    def entry(self, name: str) -> Entry:
        """
        Return the row of a name; nothing is imported.

        :raises UnknownName: no row has that name.
        """
        entry = self.entries.get(name)
        if entry is None:
            close = difflib.get_close_matches(name, self._entries, n=1)
            guess = f" Did you mean '{close[0]}'?" if close else ''
            raise UnknownName(
                f"{self._kind} '{name}': no such {self._kind}, expected one of "
                f"{', '.join(self)}.{guess}")
        return entry

    def resolve(self, name: str) -> type[T]:
        """
        Import the class behind a name.

        :raises UnknownName: no row has that name.
        :raises Unavailable: a module that the row needs is missing, or a library of its; the
            cause is kept.
        """
        entry = self.entry(name)
        module_name, _, attribute = entry.target.partition(':')
        try:
            found: Any = import_module(module_name)
        except ImportError as error:
            if not entry.is_lacking(error):
                raise
            raise Unavailable(
                f"{self._kind} '{name}': the Python module '{error.name}' cannot be imported "
                f'({error}). {entry.hint}') from error
        except OSError as error:   # a vendor's module that loads its libraries by itself
            raise Unavailable(
                f"{self._kind} '{name}': a library cannot be loaded ({error}). "
                f'{entry.hint}') from error
        for part in attribute.split('.'):
            found = getattr(found, part)
        return found  # type: ignore[no-any-return]

    def _read_plugins(self) -> None:
        """Add the rows of other packages once; a bad one is a warning that names it."""
        with self._lock:
            if self._plugins_read:
                return
            refused = []
            for point in entry_points(group=self._group):
                if point.name in self._entries:
                    refused.append(point)
                    continue
                self._entries[point.name] = Entry(
                    f'{point.module}:{point.attr}', needs=None,
                    hint=f'It comes from {_distribution(point)}; install what that needs.')
            self._plugins_read = True
        for point in refused:
            warnings.warn(
                f"{self._kind} '{point.name}': the entry point {point.value} of "
                f'{_distribution(point)} is left out, the name is taken by '
                f'{self._entries[point.name].target}', stacklevel=4)


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else 'an unnamed package'
