# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The values of a model card, one check for each kind; all raise ValueError with the key."""

from collections.abc import Mapping
import difflib
import math
import re
import reprlib
from typing import Any

Page = Mapping[str, Any]
_SHA256 = re.compile('[0-9a-f]{64}')
_words = reprlib.Repr()
_words.maxstring = _words.maxother = 80
_LONGEST = 160   # characters


def section(
        content: object, where: str, keys: tuple[str, ...], others: tuple[str, ...] = ()) -> Page:
    """Return a section whose keys are all known; ``others`` are for people and not suggested."""
    if not isinstance(content, dict):
        raise ValueError(f'{where}: got {show(content)}, expected keys such as {", ".join(keys)}')
    unknown = [str(key) for key in content if key not in keys and key not in others]
    if unknown:
        close = difflib.get_close_matches(unknown[0].lower(), keys + others, n=1)
        guess = f". Did you mean '{close[0]}'?" if close else ''
        raise ValueError(
            f"{where}: unknown key {', '.join(map(show, unknown[:5]))}, expected one of "
            f"{', '.join(keys + others)}{guess}")
    return content


def text(page: Page, key: str, example: str) -> str:
    """Return a text, ``''`` where the page has none."""
    value = page.get(key)
    if value is None:
        return ''
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'{key}: got {show(value)}, expected a text such as {example}')
    return value


def choice(page: Page, where: str, key: str, choices: tuple[str, ...]) -> str | None:
    """Return one of a few words; None where the page says none."""
    value = page.get(key)
    if value is not None and value not in choices:
        close = difflib.get_close_matches(str(value).lower(), choices, n=1)
        guess = f". Did you mean '{close[0]}'?" if close else ''
        raise ValueError(
            f'{where}.{key}: got {show(value)}, expected {" or ".join(choices)}{guess}')
    return value


def numbers(page: Page, where: str, key: str, count: int) -> tuple[float, ...] | None:
    """Return a list of finite numbers; None where the page says none."""
    values = page.get(key)
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != count or not all(map(is_number, values)):
        raise ValueError(f'{where}.{key}: got {show(values)}, expected {count} numbers')
    return tuple(values)


def whole_numbers(
        page: Page, where: str, key: str, count: int, what: str, high: int
        ) -> tuple[int, ...] | None:
    """Return a list of numbers from 1 to ``high``; None where the page says none."""
    values = numbers(page, where, key, count)
    if values is None:
        return None
    if not all(isinstance(value, int) and 0 < value <= high for value in values):
        raise ValueError(f'{where}.{key}: got {show(page[key])}, expected {what}, 1 to {high}')
    return tuple(int(value) for value in values)


def digests(page: Page, key: str) -> tuple[str, ...]:
    """Return one sha256 or a list of them in small letters."""
    value = page.get(key)
    if value is None:
        return ()
    found = tuple(
        one.lower() for one in (value if isinstance(value, list) else [value])
        if isinstance(one, str) and _SHA256.fullmatch(one.lower()))
    if not found or len(found) != (len(value) if isinstance(value, list) else 1):
        raise ValueError(
            f'{key}: got {show(value)}, expected 64 hexadecimal digits in quotes, as sha256sum '
            'prints them, or a list of such')
    return found


def is_number(value: object) -> bool:
    """Whether a value is a finite number, and no yes or no."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and (
        math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 53)


def show(value: object) -> str:
    """Return a value for a message: one line, never a long one."""
    words = _words.repr(value)
    return words if len(words) <= _LONGEST else f'{words[:_LONGEST]}...'
