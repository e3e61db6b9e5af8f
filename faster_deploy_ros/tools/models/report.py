# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What list, fetch and verify tell, to a person and to a program."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
import shlex
import textwrap
from typing import Any

from faster_deploy_ros.tools.layout import lay_out
from faster_deploy_ros.tools.models.fetch import Fetched
from faster_deploy_ros.tools.models.model import DEPTH, ZooModel
from faster_deploy_ros.tools.models.verify import Finding

WIDTH = 100


def table(rows: Iterable[ZooModel], folder: Path, hidden: int) -> str:
    """Lay out the zoo; models that cannot be fetched have their own lines below."""
    rows = list(rows)
    cells = [
        (row.name, row.task, row.card.family, row.licence, _size(row),
         'here' if (folder / row.file).exists() else '') for row in rows if row.asset]
    lines = [lay_out(cells, ('name', 'task', 'family', 'licence', 'size', ''), texts=4)]
    for row in rows:
        if row.asset is None:
            lines += ['', *textwrap.wrap(
                f'{row.name} ({row.licence}): {row.export}. {row.source}', WIDTH,
                break_long_words=False)]
    lines += ['', f'faster-deploy models fetch NAME puts one into {folder}']
    if hidden:
        lines.append(
            f'{hidden} more are under copyleft licences, which ask something of you: --all')
    return '\n'.join(lines)


def entry(row: ZooModel, folder: Path) -> Mapping[str, Any]:
    """Return a row of the zoo for a program."""
    path, asset = folder / row.file, row.asset
    return {
        'name': row.name, 'title': row.title, 'task': row.task, 'family': row.card.family,
        'licence': row.licence, 'copyleft': row.is_copyleft, 'source': row.source,
        'url': asset.url if asset else None, 'size': asset.size if asset else None,
        'sha256': asset.sha256 if asset else None, 'sha256_by': asset.vouched if asset else None,
        'export': row.export or None, 'path': str(path) if path.exists() else None}


def fetched(results: Sequence[Fetched]) -> str:
    """Tell where the models are, and how to use them."""
    blocks = []
    for each in results:
        how = 'was there already' if each.was_there else 'fetched'
        lines = [
            f'{each.model.name}: {how}, its checksum is right; {each.model.licence}',
            f'  {each.path}', f'  {each.card}']
        lines += [f'  use it: {line}' for line in uses(each)]
        blocks.append('\n'.join(lines))
    return '\n\n'.join(blocks)


def uses(each: Fetched) -> list[str]:
    """Return command lines that run a fetched model."""
    is_depth = each.model.task == DEPTH
    launch = 'depth.launch.py' if is_depth else 'detection.launch.py'
    path = shlex.quote(str(each.path.absolute()))
    return [f'ros2 launch faster_deploy_ros {launch} model:={path}',
            f"scripts/demo {'--depth ' if is_depth else ''}--model {path}"]


def fetched_entry(each: Fetched) -> Mapping[str, Any]:
    """Return a fetched model for a program."""
    return {
        'name': each.model.name, 'path': str(each.path), 'card': str(each.card),
        'was_there': each.was_there, 'licence': each.model.licence,
        'sha256': each.model.asset.sha256 if each.model.asset else None, 'use': uses(each)}


def findings(found: Sequence[Finding], folder: Path) -> str:
    """Tell which files are right."""
    if not found:
        return f"No model of the zoo lies in '{folder}'."
    rows = [(each.status, str(each.path), each.remark) for each in found]
    return lay_out(rows, ('', 'file', ''), texts=3)


def finding_entry(each: Finding) -> Mapping[str, Any]:
    """Return what was found of a file for a program."""
    return {'path': str(each.path), 'status': each.status.lower(), 'sha256': each.sha256 or None,
            'expected': each.expected or None, 'remark': each.remark}


def _size(row: ZooModel) -> str:
    size = row.asset.size if row.asset else None
    return f'{size / 1e6:.1f} MB' if size is not None else '?'
