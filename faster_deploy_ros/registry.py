# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A table of names and the modules behind them, imported when first asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import difflib
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
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
    :param needs: top-level modules whose absence makes the row unavailable, not broken.
    :param hint: the remedy, shown with the error: ``'pip install onnxruntime'``.
    """

    target: str
    needs: tuple[str, ...] = ()
    hint: str = ''


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

    def resolve(self, name: str) -> type[T]:
        """
        Import the class behind a name.

        :raises UnknownName: no row has that name.
        :raises Unavailable: a module that the row needs is missing; the cause is kept.
        """
        entry = self.entries.get(name)
        if entry is None:
            close = difflib.get_close_matches(name, self._entries, n=1)
            guess = f" Did you mean '{close[0]}'?" if close else ''
            raise UnknownName(
                f"{self._kind} '{name}': no such {self._kind}, expected one of "
                f"{', '.join(self)}.{guess}")
        module_name, _, attribute = entry.target.partition(':')
        try:
            found: Any = import_module(module_name)
        except ImportError as error:
            missing = (error.name or '').partition('.')[0]
            if missing not in entry.needs:
                raise
            raise Unavailable(
                f"{self._kind} '{name}': the Python module '{error.name}' cannot be imported "
                f'({error}). {entry.hint}') from error
        for part in attribute.split('.'):
            found = getattr(found, part)
        return found  # type: ignore[no-any-return]

    def _read_plugins(self) -> None:
        """Add the rows of other packages once; a bad one is a warning that names it."""
        if self._plugins_read:
            return
        self._plugins_read = True
        for point in entry_points(group=self._group):
            if point.name in self._entries:
                warnings.warn(
                    f"{self._kind} '{point.name}': the entry point {point.value} of "
                    f'{_distribution(point)} is left out, the name is taken by '
                    f'{self._entries[point.name].target}', stacklevel=3)
                continue
            self._entries[point.name] = Entry(
                point.value, needs=(), hint=f'It comes from {_distribution(point)}.')


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else 'an unnamed package'
