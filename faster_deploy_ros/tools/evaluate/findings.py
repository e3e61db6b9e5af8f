# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation has come to, as the command prints it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import textwrap
from typing import Any

from faster_deploy_ros.tools.layout import describe

SHOWN = 3   # failures in words; the rest is counted
Words = tuple[str, str]   # a word, and what it is about


@dataclass(frozen=True, slots=True)
class Findings:
    """
    Figures and what a reader should know of them.

    :param head: what was evaluated on what.
    :param tables: the figures.
    :param meaning: what the figures are.
    :param page: the same as plain data.
    :param notes: of the data: what was left out.
    :param mistakes: what is probably wrong in how the model is read.
    :param failures: by image, why it has no answer.
    :param written: files that were written.
    """

    head: Sequence[Words]
    tables: Sequence[str]
    meaning: Sequence[Words]
    page: Mapping[str, Any]
    notes: tuple[str, ...]
    mistakes: tuple[str, ...]
    failures: Mapping[str, str]
    written: tuple[Path, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether every image has an answer and nothing looks wrong."""
        return not (self.mistakes or self.failures)

    @property
    def text(self) -> str:
        """All of it for a person."""
        said = [*self.meaning, *(('note', note) for note in self.notes), *self._failed(),
                *(('diagnosis', mistake) for mistake in self.mistakes)]
        parts = [describe(self.head), *self.tables, describe(said)]
        return '\n' + textwrap.indent('\n\n'.join(parts), '  ')

    def _failed(self) -> list[Words]:
        lines = [('failed', f'{image}: {reason}')
                 for image, reason in list(self.failures.items())[:SHOWN]]
        if len(self.failures) > SHOWN:
            lines.append(('failed', f'... and {len(self.failures) - SHOWN} images more'))
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {**self.page, 'notes': list(self.notes), 'mistakes': list(self.mistakes),
                'failures': dict(self.failures), 'written': [str(path) for path in self.written]}
