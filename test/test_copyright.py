# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every source file says whose it is and under which licence; it needs no installed lint."""

from pathlib import Path
import re

CHECKOUT = Path(__file__).resolve().parent.parent
HEADER = re.compile(
    r'(#!.*\n)?# Copyright \d{4} the faster_deploy_ros contributors\n'
    r'# SPDX-License-Identifier: Apache-2\.0\n')


def sources() -> list[Path]:
    folders = ('faster_deploy_ros', 'test', 'benchmark', 'examples', 'launch')
    files = [path for folder in folders for path in (CHECKOUT / folder).rglob('*.py')]
    scripts = [path for folder in ('scripts', '.ci') for path in (CHECKOUT / folder).iterdir()
               if path.is_file() and path.suffix != '.txt']
    return [*files, *scripts, CHECKOUT / 'setup.py']


def test_every_source_file_begins_with_its_copyright_and_licence() -> None:
    files = sources()
    assert len(files) > 50
    bare = [str(path.relative_to(CHECKOUT)) for path in files
            if not HEADER.match(path.read_text())]
    assert not bare, f'without the two header lines: {bare}'


def test_the_licence_is_the_one_that_the_headers_name() -> None:
    text = (CHECKOUT / 'LICENSE').read_text()
    assert 'Apache License' in text
    assert 'Version 2.0, January 2004' in text
