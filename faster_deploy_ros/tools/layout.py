# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables as all commands print them."""

from collections.abc import Sequence

import tabulate

SCREEN, MARKDOWN = 'simple', 'github'
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


def number(value: float | None, form: str = '') -> str:
    """Print a number, with three digits that count where no form is given; None as a dash."""
    if value is None:
        return '-'
    if form:
        return format(value, form)
    return f'{value:.0f}' if value >= 100 else f'{value:#.3g}'
