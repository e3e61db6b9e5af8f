# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small YAML page that nobody vouches for: read whole, quickly, and without surprises."""

from pathlib import Path
from typing import Any

import yaml

LIMIT = 256 * 1024   # bytes; the names of ten thousand classes
_DEPTH = 32
_DIGITS = 40     # of a number: base 60 of a quarter of a megabyte takes a quarter of a minute
_WORDS = 300     # characters of PyYAML's that a message repeats
# The last ones are PyYAML's for tags whose value is none: '!!bool perhaps', '!!timestamp soon'.
_WRONG = (yaml.YAMLError, ValueError, RecursionError, OverflowError, AttributeError, LookupError,
          TypeError)


def load_page(path: Path) -> object:
    """
    Read a YAML file of plain values.

    :raises ValueError: it is too large or too deep, is no UTF-8 or no YAML, has an alias, an
        object or the same key twice.
    :raises OSError: it cannot be read.
    """
    with path.open('rb') as stream:
        content = stream.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise ValueError(f'it has more than {LIMIT // 1024} KiB, expected a page of text')
    try:
        return yaml.load(content.decode('utf-8'), Loader=_PageLoader)   # a SafeLoader
    except _WRONG as error:
        words = ' '.join(str(error).split()) or type(error).__name__
        words = words.replace('in "<unicode string>", ', 'in ')
        raise ValueError(
            f'{words[:_WORDS]}...' if len(words) > _WORDS else words) from error


class _PageLoader(yaml.SafeLoader):   # type: ignore[misc]
    """A safe loader that takes no aliases, which grow without bound, and no key twice."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem=f"'*{event.anchor}' repeats another part, expected the words themselves",
                problem_mark=event.start_mark)
        self._level += 1
        if self._level > _DEPTH:
            raise yaml.YAMLError(f'sections lie in each other {_DEPTH} deep')
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        pairs: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(pairs) < len(node.value):
            seen: set[str] = set()
            for key, _ in node.value:
                if str(key.value) in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"key '{key.value}' is given twice", problem_mark=key.start_mark)
                seen.add(str(key.value))
        return pairs


def _whole_number(loader: _PageLoader, node: Any) -> Any:
    """Read a whole number of a sane length."""
    if len(str(node.value)) > _DIGITS:
        raise yaml.MarkedYAMLError(
            problem=f'a number has {len(node.value)} digits', problem_mark=node.start_mark)
    return loader.construct_yaml_int(node)


_PageLoader.add_constructor('tag:yaml.org,2002:int', _whole_number)
