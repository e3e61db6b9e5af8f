# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a runtime that travel in a model URI, read as what they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
import difflib
from typing import Any, TypeVar

from faster_deploy_ros.errors import BadValue, UnknownName

T = TypeVar('T')
WORDS = {
    '1': True, 'true': True, 'on': True, 'yes': True,
    '0': False, 'false': False, 'off': False, 'no': False}
EXPECTED: dict[type, str] = {
    int: 'a whole number', float: 'a number', str: 'a text',
    bool: '1 or 0, true or false, on or off', tuple: 'words with commas between them'}


def option(
        default: Any, text: str, *, minimum: float | None = None,
        choices: tuple[str, ...] = ()) -> Any:
    """
    Declare a field of an options class: its default, what it does, what it may be.

    :param choices: what each word may be; empty: anything.
    """
    return field(
        default=default, metadata={'text': text, 'minimum': minimum, 'choices': choices})


@dataclass(frozen=True)
class NoOptions:
    """The options of a runtime that has none."""


def read_options(kind: type[T], given: Mapping[str, str], title: str) -> T:
    """
    Make an options object from the texts in a URI; what is not given has its default.

    :param kind: a dataclass whose fields are made by ``option``.
    :param title: how messages call the owner: ``'onnxruntime'``.
    :raises UnknownName: an option that the class has not; the message lists those it has.
    :raises BadValue: a text that cannot be read, or a value out of range.
    """
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            raise unknown_option(title, name, tuple(known))
        row = known[name]
        values[name] = read_option(
            title, name, text, type(row.default), minimum=row.metadata['minimum'],
            choices=row.metadata['choices'])
    return kind(**values)


def read_option(
        title: str, name: str, text: str, kind: type, *, minimum: float | None = None,
        choices: tuple[str, ...] = ()) -> Any:
    """
    Read one text as an int, float, bool, str or tuple of words.

    :raises BadValue: the text cannot be read, or the value is out of range.
    """
    value: Any
    try:
        if kind is bool:
            value = WORDS[text.strip().lower()]
        elif kind is tuple:
            value = tuple(word.strip() for word in text.split(',') if word.strip())
        else:
            value = kind(text)
    except (KeyError, ValueError):
        raise BadValue(
            f"{title}: option {name}: got '{text}', expected {EXPECTED[kind]}") from None
    if minimum is not None and not value >= minimum:
        raise BadValue(f'{title}: option {name}: got {value}, expected at least {minimum}')
    for word in (value if kind is tuple else (value,)) if choices else ():
        if word not in choices:
            raise BadValue(
                f"{title}: option {name}: got '{word}', expected one of {listed(choices)}")
    return value


def listed(choices: tuple[str, ...]) -> str:
    """Return the words for a message, in which the empty one can be seen."""
    return ', '.join(word or "''" for word in choices)


def unknown_option(title: str, name: str, known: tuple[str, ...]) -> UnknownName:
    """Return the error for an option that nobody reads."""
    close = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean '{close[0]}'?" if close else ''
    return UnknownName(
        f"{title}: no option is named '{name}', expected one of "
        f"{', '.join(sorted(known)) or 'none: this runtime has no options'}.{guess}")
