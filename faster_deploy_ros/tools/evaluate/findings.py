# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation has come to, as the command prints it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN = 3   # failures in words; the rest is counted


@dataclass(frozen=True, slots=True)
class Findings:
    """
    Figures and what a reader should know of them.

    :param text: the tables and what they mean.
    :param page: the same as plain data.
    :param notes: of the data: what was left out.
    :param mistakes: what is probably wrong in how the model is read.
    :param failures: by image, why it has no answer.
    :param written: files that were written.
    """

    text: str
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
    def remarks(self) -> list[str]:
        """Everything beside the figures, a line each."""
        lines = [f'Note: {note}' for note in self.notes]
        if self.failures:
            many = len(self.failures)
            lines.append(f"{many} image{'' if many == 1 else 's'} failed:")
            lines += [f'  {image}: {reason}' for image, reason in
                      list(self.failures.items())[:SHOWN]]
            if len(self.failures) > SHOWN:
                lines.append(f'  ... and {len(self.failures) - SHOWN} more')
        return lines + [f'Mistake? {mistake}' for mistake in self.mistakes]

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {**self.page, 'notes': list(self.notes), 'mistakes': list(self.mistakes),
                'failures': dict(self.failures), 'written': [str(path) for path in self.written]}
