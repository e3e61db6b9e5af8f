# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables as all commands print them."""

from collections.abc import Sequence
import textwrap

import tabulate

SCREEN, MARKDOWN = 'simple', 'github'
LABEL, WIDTH = 12, 96   # columns of the words on the left, and of all
# Two spaces between the columns are enough; tabulate would add two more inside.
tabulate.MIN_PADDING = 0


def lay_out(
        rows: Sequence[Sequence[str]], headers: Sequence[str], *, texts: int = 1,
        style: str = SCREEN) -> str:
    """
    Lay cells out in columns, the first ``texts`` of them to the left, numbers to the right.

    :param style: SCREEN, or MARKDOWN for a page.
    """
    align = ['left' if number < texts else 'right' for number in range(len(headers))]
    lines: str = tabulate.tabulate(
        rows, headers, tablefmt=style, disable_numparse=True, colalign=align if rows else None)
    return lines


def describe(rows: Sequence[tuple[str, str]]) -> str:
    """Put a word on the left and what it is about beside it; a word is not repeated."""
    lines, before = [], ''
    for label, words in rows:
        pieces = [
            piece for line in words.split('\n') for piece in textwrap.wrap(
                line, WIDTH - LABEL, break_long_words=False, break_on_hyphens=False)]
        shown = label if label != before else ''
        lines.append(f'{shown:<{LABEL}}' + f"\n{' ' * LABEL}".join(pieces))
        before = label
    return '\n'.join(lines)


def number(value: float | None, form: str = '') -> str:
    """Print a number, with three digits that count where no form is given; None as a dash."""
    if value is None:
        return '-'
    if form:
        return format(value, form)
    return f'{value:.0f}' if value >= 100 else f'{value:#.3g}'
