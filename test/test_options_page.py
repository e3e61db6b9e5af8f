# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The page of all options says what the options' own declarations say, with or without vendors."""

import ast
from contextlib import suppress
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
CORES = CHECKOUT / 'faster_deploy_ros' / 'cores'
PAGE = CHECKOUT / 'docs' / 'options.md'
# Runtime -> where its options are declared.
DECLARED = {
    path.name.removesuffix('_core.py'): path for path in sorted(CORES.glob('*_core.py'))
    if path.name != 'infer_core.py'   # what all of them promise
} | {'tensorrt': CORES / 'tensorrt' / 'options.py'}


def rows(path: Path) -> list[str]:
    """Read the options of a source without importing it: its vendor may not be there."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    constants: dict[str, object] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else (
            [node.target] if isinstance(node, ast.AnnAssign) else [])
        for target in targets:
            with suppress(ValueError, TypeError):
                constants[ast.unparse(target)] = ast.literal_eval(node.value)
    found = []
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.AnnAssign) else None
        if isinstance(value, ast.Call) and ast.unparse(value.func) == 'option':
            default, text, *_ = (_value(each, constants) for each in value.args)
            choices = [_value(each.value, constants) for each in value.keywords
                       if each.arg == 'choices']
            found.append(f'| `{ast.unparse(node.target)}` | {_shown(default)} | {text}'
                         f"{_among(choices[0]) if choices else ''} |")
    return found


def _value(node, constants):
    return eval(ast.unparse(node), {'tuple': tuple}, constants)


def _shown(default):
    if isinstance(default, tuple):
        default = ','.join(default)
    return f'`{int(default) if isinstance(default, bool) else default}`' if default != '' else ''


def _among(choices):
    return f" ({', '.join(f'`{word}`' for word in choices if word)})"


def expected() -> str:
    parts = [
        f'## `{name}`\n\n| option | default | what |\n|---|---|---|\n' + '\n'.join(rows(path))
        for name, path in DECLARED.items()]
    return '\n\n'.join(parts) + '\n'


@pytest.mark.parametrize('name', DECLARED)
def test_every_runtime_declares_its_options_with_their_words(name):
    assert len(rows(DECLARED[name])) >= 2


def test_the_page_of_options_is_the_declarations():
    found = PAGE.read_text(encoding='utf-8')
    assert found[found.index('## '):] == expected()
