# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The steps of a conversion: read, understand, convert, write the card, check, deliver."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
import datetime
from pathlib import Path
from typing import Any

from faster_deploy_ros import __version__
from faster_deploy_ros.cores import ModelUri
from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.errors import ConvertFailed, FasterDeployError, UnknownName, Unsupported
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.tasks.card import read_card
from faster_deploy_ros.tasks.model_digest import model_sha256
from faster_deploy_ros.tools.convert.delivery import CARD, choose_output, deliver, scratch_beside
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob, PRECISIONS
from faster_deploy_ros.tools.convert.meaning import count_images, few_images, Meaning, merged
from faster_deploy_ros.tools.convert.orders import Orders, Parity, Result
from faster_deploy_ros.tools.convert.original import (
    closed_copy,
    Original,
    quantised_by,
    read_original,
)
from faster_deploy_ros.tools.convert.parity import check
from faster_deploy_ros.tools.convert.table import Converter, find_converter
from faster_deploy_ros.tools.progress import Activity
import yaml

HEAD = '# What the tensors of the model beside this page mean; written by faster-deploy convert.\n'


def convert(orders: Orders, activity: Activity) -> Result:
    """
    Convert a model; the files are all there when it returns, and none of them when it raises.

    :raises UnknownName: no such converter.
    :raises Unavailable: the converter's programs are not installed.
    :raises LoadFailed: the model or its card cannot be read.
    :raises BadValue: the output cannot be written, or is there already.
    :raises BlobMismatch: a shape is for no input of the model.
    :raises Unsupported: the converter has not this precision, or cannot do this model.
    :raises ConvertFailed: the converter has failed.
    """
    make = find_converter(orders.to)
    if orders.precision not in PRECISIONS:
        raise Unsupported(f"convert: got the precision '{orders.precision}', expected one of "
                          f"{', '.join(PRECISIONS)}")
    if orders.images:
        open_source(orders.images)   # refused before anything is done
    activity.report(f'reading {orders.model.name}')
    original = read_original(orders.model)
    output = choose_output(orders)
    with scratch_beside(output) as beside:
        scratch = beside.absolute()
        for name in ('model', 'result', 'work', 'former'):
            (scratch / name).mkdir()
        original = closed_copy(original, orders.shapes, scratch / 'model')
        meaning = Meaning(original, orders.model)
        activity.report(f'converting for {orders.to}')
        goal = scratch / 'result' / output.name
        converted = _call(make, orders, ConvertJob(
            model=original.path.absolute(), output=goal, precision=orders.precision,
            card=meaning.card, calibration=meaning.calibration(orders, activity.report),
            scratch=scratch / 'work', report=activity.report))
        made = [*_made(converted, goal), goal.with_suffix(CARD)]
        _write_card(made[-1], _page(orders, original, meaning, converted))
        parity = Parity(reason='not asked for')
        if orders.check:   # while an interrupt still leaves nothing behind
            activity.report('comparing with the original')
            parity = check(original.path, ModelUri(orders.to, 0, str(goal.absolute())), orders)
        files = deliver(made, output.parent, scratch / 'former', force=orders.force)
    return Result(
        tuple(files), converted.versions, (*converted.notes, *_notes(orders, meaning)),
        tuple(filter(None, [few_images(orders)])), parity)


class _Options(Mapping[str, str]):
    """The user's options, and which of them the converter has looked at."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.unread = set(given)

    def __getitem__(self, name: str) -> str:
        self.unread.discard(name)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def _call(make: Converter, orders: Orders, job: ConvertJob) -> Converted:
    """Convert, with every error one of ours; an option that nobody reads is a typing error."""
    options = _Options(orders.options)
    try:
        converted = make(replace(job, options=options))
    except Exception as error:
        if isinstance(error, FasterDeployError) and not isinstance(error, ConvertFailed):
            raise
        text = str(error) if isinstance(error, ConvertFailed) else (
            f'convert: the converter has failed: {type(error).__name__}: {one_line(error)}')
        if operators := quantised_by(job.model):
            text += (f'. The model is quantised already ({operators}): convert the float model '
                     'that it was made from')
        raise ConvertFailed(text) from error
    for name in sorted(options.unread):
        raise UnknownName(
            f"convert: --option {name}: the converter takes no option '{name}'; leave it out")
    return converted


def _made(converted: Converted, output: Path) -> list[Path]:
    """Return the files of the result after a look whether they are there."""
    if not converted.files or converted.files[0] != output:
        raise ConvertFailed(
            f"convert: the converter was to write '{output.name}' and says that it wrote "
            f"{', '.join(path.name for path in converted.files) or 'nothing'}")
    for path in converted.files:
        if not path.is_file() or not path.stat().st_size:
            what = 'empty' if path.is_file() else 'not there'
            raise ConvertFailed(f"convert: the converter has written '{path.name}', and the file "
                                f'is {what}; see whether the disk is full')
        if path.parent != output.parent or not path.name.startswith(output.stem):
            raise ConvertFailed(f"convert: the converter has written '{path}', expected it beside "
                                f"'{output}' with a name that begins alike")
    return list(converted.files)


def _page(
        orders: Orders, original: Original, meaning: Meaning, converted: Converted
        ) -> dict[str, Any]:
    """Return the card of the result: the original's, and how it was made."""
    page = merged(meaning.page, converted.card)
    of_original: dict[str, Any] = {
        'model': orders.model.name, 'sha256': original.sha256,
        'shapes': {name: list(shape) for name, shape in original.inputs.items()}}
    if 'accuracy' in page:   # nobody has measured the result's
        of_original['accuracy'] = page.pop('accuracy')
    how: dict[str, Any] = {
        'from': of_original, 'to': orders.to, 'precision': orders.precision,
        'by': {'faster_deploy_ros': __version__, **converted.versions},
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d')}
    if orders.images and orders.precision == 'int8':
        how['calibration'] = f'{count_images(orders)} images'
    if orders.options:
        how['options'] = dict(orders.options)
    page['sha256'] = model_sha256(converted.files[0])
    return {**page, 'converted': how}


def _write_card(path: Path, page: Mapping[str, Any]) -> None:
    """Write a card and read it back: what nobody can read is no card."""
    text = yaml.safe_dump(
        dict(page), sort_keys=False, allow_unicode=True, width=99, default_flow_style=None)
    path.write_text(HEAD + text, encoding='utf-8')
    read_card(path)


def _notes(orders: Orders, meaning: Meaning) -> list[str]:
    notes = []
    if meaning.why_not:
        notes.append('what the tensors mean is not known, so the card does not say it: write it '
                     f'there before a node uses the model ({meaning.why_not})')
    if orders.precision == 'int8' and not orders.images:
        notes.append('no images were given to calibrate on (--images)')
    return notes
