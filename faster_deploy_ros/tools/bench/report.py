# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The rows of a benchmark as a table, as a page for the documentation, as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import datetime
from pathlib import Path
import platform
import re
import shlex
from typing import Any

from faster_deploy_ros import __version__
from faster_deploy_ros.cores import ModelUri
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.tools.bench.orders import Orders
from faster_deploy_ros.tools.bench.rounds import Row
from faster_deploy_ros.tools.layout import lay_out, MARKDOWN, number, SCREEN
from faster_deploy_ros.tools.machine import cores, cpu_name

# Column -> (field of the row, format).
COLUMNS: Mapping[str, tuple[str, str]] = {
    'p50 ms': ('p50_ms', ''), 'p99 ms': ('p99_ms', ''), 'min ms': ('min_ms', ''),
    'per s': ('rate', ''), 'x first': ('ratio', '.2f'), 'CPU ms': ('cpu_ms', ''),
    'RSS MiB': ('rss_mb', '.0f')}
STAGES: Mapping[str, str] = {
    'pre ms': 'preprocess', 'infer ms': 'infer', 'post ms': 'postprocess'}
REMARK = ('Made by this command; make it again on your machine, and trust the ratios more than '
          'the times.')


@dataclass(frozen=True)
class Made:
    """
    How a table came to be; no figure is worth anything without it.

    :param command: what was typed, without the folders of this machine.
    """

    command: str
    date: str
    cpu: str
    cores: int
    system: str
    versions: Mapping[str, str]


def made(words: Sequence[str], rows: Sequence[Row]) -> Made:
    """Tell how these rows were made, now and on this machine."""
    versions: dict[str, str] = {
        'faster_deploy_ros': __version__, 'Python': platform.python_version()}
    for row in rows:
        versions |= row.about.get('versions', {})
    now = datetime.datetime.now(datetime.timezone.utc)
    return Made(
        'faster-deploy bench ' + shlex.join(map(_without_folders, words)),
        now.strftime('%Y-%m-%d'), cpu_name(), cores(),
        f'{platform.system()} {platform.machine()}', versions)


def table(rows: Sequence[Row], style: str = SCREEN) -> str:
    """Lay the rows out; those without figures have dashes, and their reasons stand below."""
    columns = dict(COLUMNS)
    if not _are_many(rows):
        del columns['x first']
    stages = STAGES if any(row.stages_ms for row in rows) else {}
    headers = ['runtime', 'model', 'seats', 'threads', *columns, *stages]
    cells = [[
        *_title(row), str(row.seats), number(row.threads, 'd'),
        *(number(getattr(row, name), form) for name, form in columns.values()),
        *(number(row.stages_ms.get(stage), '') for stage in stages.values())] for row in rows]
    return lay_out(cells, headers, texts=2, style=style)


def reasons(rows: Sequence[Row]) -> list[str]:
    """Say why rows have no figures, each reason once."""
    return list(dict.fromkeys(f'{row.uri}: {row.error}' for row in rows if row.error))


def notes(orders: Orders, rows: Sequence[Row]) -> list[str]:
    """Say in a few sentences what the figures are of."""
    what = 'one inference, its input being there'
    if orders.stages:
        what = 'a whole call, picture to result, and the medians of its parts'
    inputs = ', or '.join(dict.fromkeys(
        row.about['input'] for row in rows if row.about.get('input')))
    how = (f'Each line: {orders.seconds:g} s in {orders.rounds} rounds in which the models take '
           'turns, each in its own process.')
    said = [
        f'Times are of {what}.', f'Input: {inputs}.' if inputs else '', how,
        'per s: median of the rounds, all seats together.',
        'x first: per s against the first model in the same round.' if _are_many(rows) else '',
        'CPU ms: of the whole process, per inference.']
    return [sentence for sentence in said if sentence]


def markdown(orders: Orders, rows: Sequence[Row], how: Made) -> str:
    """Write the page that the documentation carries, with how it was made."""
    versions = ', '.join(f'{name} {version}' for name, version in how.versions.items())
    parts = [
        '# How fast the runtimes are',
        REMARK,
        f'```bash\n{how.command}\n```',
        f'{how.date}, {how.cpu}, {how.cores} cores, {how.system}. {versions}.',
        table(rows, MARKDOWN),
        ' '.join(notes(orders, rows)),
        '\n'.join(f'- not measured: {reason}' for reason in map(
            _without_folders, reasons(rows)))]
    return '\n\n'.join(filter(None, parts)) + '\n'


def as_json(orders: Orders, rows: Sequence[Row], how: Made) -> dict[str, Any]:
    """Return everything as plain data."""
    return {'made': asdict(how), 'seconds': orders.seconds, 'rounds': orders.rounds,
            'images': orders.images, 'stages': orders.stages,
            'rows': [asdict(row) for row in rows]}


def _are_many(rows: Sequence[Row]) -> bool:
    return len({row.uri for row in rows}) > 1


def _title(row: Row) -> tuple[str, str]:
    """Name runtime and model; as the URI has it where nothing could be opened."""
    if row.about:
        return row.about['runtime'], row.about['model']
    try:
        uri = ModelUri.parse(row.uri)
    except FasterDeployError:
        return '', Path(row.uri).name
    return f'{uri.scheme}.{uri.device}', Path(uri.path).name


def _without_folders(word: str) -> str:
    """Cut absolute paths down to their last part: they mean something on this machine alone."""
    return re.sub(r"(^|[\s'=]|://)/(?:[^/\s'?]+/)*", r'\1', word)
