# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""scripts/side_venv: one venv for each thing that must not share ours, made once."""

import os
from pathlib import Path
import shutil
import subprocess

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(shutil.which('bash') is None, reason='bash is not installed')


@pytest.fixture
def clone(tmp_path):
    """Return a checkout whose side venv 'empty' needs no package and so no network."""
    place = tmp_path / 'clone'
    shutil.copytree(CHECKOUT / 'scripts', place / 'scripts')
    shutil.rmtree(place / 'scripts' / 'side')
    write(place, 'empty', '# flags: --no-index --no-deps\n')
    return place


def write(clone, name, text):
    path = clone / 'scripts' / 'side' / f'{name}.txt'
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def run(clone, *words, **environment):
    environment = {
        'PATH': os.environ['PATH'], 'HOME': os.environ.get('HOME', str(clone)), **environment}
    return subprocess.run(
        ['bash', clone / 'scripts' / 'side_venv', *words], capture_output=True, text=True,
        timeout=100, check=False, env=environment)


def test_it_is_made_once_and_is_stale_when_its_page_changes(clone):
    first = run(clone, 'empty')
    python = Path(first.stdout.strip())
    assert first.returncode == 0, first.stderr
    assert python == clone / '.venv-empty' / 'bin' / 'python'
    assert first.stderr.startswith('Making .venv-empty with Python 3.')
    # It stands alone: nothing of ours, nothing of ROS.
    seen = subprocess.run(
        [python, '-c', 'import sys; print(sys.prefix)'], capture_output=True, text=True,
        timeout=60, check=True, env={'PATH': os.environ['PATH']})
    assert seen.stdout.strip() == str(clone / '.venv-empty')

    for words in (('empty',), ('--ready', 'empty')):
        again = run(clone, *words)
        assert (again.returncode, again.stderr) == (0, '')
        assert again.stdout == first.stdout

    write(clone, 'empty', '# flags: --no-index\n')
    assert run(clone, '--ready', 'empty').returncode == 1


def test_only_looking_makes_nothing_and_says_how_it_is_made(clone):
    ended = run(clone, '--ready', 'empty')
    assert (ended.returncode, ended.stdout) == (1, '')
    assert 'side_venv empty' in ended.stderr
    assert not (clone / '.venv-empty').exists()


@pytest.mark.parametrize('words', [(), ('unknown',), ('../empty',), ('empty', 'empty')])
def test_a_name_that_is_none_gets_the_known_ones(clone, words):
    ended = run(clone, *words)
    assert ended.returncode == 1
    assert ended.stderr.count('\n') == 1
    assert ended.stderr.rstrip().endswith('scripts/side: empty')


def test_a_python_of_another_version_is_not_taken(clone):
    write(clone, 'future', '# python: 3.98 3.99\n')
    ended = run(clone, 'future')
    assert ended.returncode == 1
    assert 'no Python 3.98 3.99' in ended.stderr
    assert 'PYTHON=' in ended.stderr
    assert not (clone / '.venv-future').exists()


def test_what_cannot_be_installed_leaves_no_venv_that_looks_ready(clone):
    write(clone, 'broken', '# flags: --no-index\nno-such-package-anywhere==1.0\n')
    ended = run(clone, 'broken')
    assert ended.returncode == 1
    assert ended.stdout == ''
    assert "'pip install' failed" in ended.stderr
    assert 'no-such-package-anywhere' in ended.stderr
    assert run(clone, '--ready', 'broken').returncode == 1


@pytest.mark.parametrize(
    'page', sorted((CHECKOUT / 'scripts' / 'side').glob('*.txt')), ids=lambda path: path.stem)
def test_each_page_pins_what_it_installs(page):
    rows = [row for row in page.read_text().splitlines() if row and not row.startswith('#')]
    assert rows
    for row in rows:
        assert '==' in row, f'{page.name}: {row!r} has no version'
