# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a depth model as tables, as JSON, as a file of its images."""

from collections.abc import Mapping
import csv
from dataclasses import asdict, fields
import io
import json
from pathlib import Path
from typing import Any

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tools.evaluate.alignment import Alignment
from faster_deploy_ros.tools.evaluate.depth_errors import Errors
from faster_deploy_ros.tools.evaluate.depth_figures import Difference, Evaluated, Range
from faster_deploy_ros.tools.layout import lay_out, number
from faster_deploy_ros.tools.whole_file import write_whole
import numpy as np

# Field -> its column.
COLUMNS: Mapping[str, str] = {
    'abs_rel': 'AbsRel', 'sq_rel': 'SqRel m', 'rmse': 'RMSE m', 'rmse_log': 'RMSE log',
    'delta_1': '< 1.25', 'delta_2': '< 1.25^2', 'delta_3': '< 1.25^3'}
TABLES = ('.csv', '.json')


def table(found: Evaluated) -> str:
    """Lay the figures out, a line for each alignment."""
    rows = [[how.value, *(number(getattr(mean, name), '.3f') for name in COLUMNS)]
            for how, mean in found.mean.items()]
    return lay_out(rows, ['prediction', *COLUMNS.values()])


def remarks(found: Evaluated, limits: Range) -> list[str]:
    """Say what the figures are."""
    images = list(found.images.values())
    said = [(
        f"Mean over {len(images)} image{'' if len(images) == 1 else 's'}, of the pixels with a "
        f'truth from {limits.least_m:g} to {limits.most_m:g} m; predictions are cut to that '
        'range.')]
    said += [line for how in found.mean if (line := _how(how, found))]
    covered = float(np.mean([one.covered for one in images]))
    order = float(np.median([one.correlation for one in images]))
    unknown = f' {1 - covered:.1%} of these pixels have no prediction.' if covered < 0.9995 else ''
    return [*said, f'Order of far and near: rank correlation {order:.2f} (median).{unknown}']


def _how(how: Alignment, found: Evaluated) -> str:
    scales = np.array([one.fits[how].scale for one in found.images.values()])
    middle = float(np.median(scales))
    if how is Alignment.MEDIAN:
        spread = f', standard deviation {np.std(scales) / middle:.0%}' if len(scales) > 1 else ''
        return (f"Median scaled: each image by its own truth's median, a factor of {middle:.3g} "
                f'in the middle{spread}.')
    if how is Alignment.AFFINE:
        return ("Scaled and shifted: each image's inverse depth by its own truth, least squares, "
                f'a factor of {middle:.3g} in the middle.')
    return ''


def as_json(found: Evaluated, limits: Range) -> dict[str, Any]:
    """Return the figures, those of each image too."""
    return {
        'kind': found.kind, 'min_depth_m': limits.least_m, 'max_depth_m': limits.most_m,
        'images': len(found.images),
        'mean': {_key(how): asdict(mean) for how, mean in found.mean.items()},
        'median_rank_correlation': float(np.median(
            [one.correlation for one in found.images.values()])),
        'by_image': {name: _image(one) for name, one in found.images.items()}}


def write_images(path: Path, found: Evaluated) -> None:
    """
    Write the figures of each image.

    :raises BadValue: the file cannot be written, or its ending is neither .csv nor .json.
    """
    check_ending(path)
    images = {name: _image(one) for name, one in found.images.items()}
    if path.suffix.lower() == '.json':
        write_whole(path, json.dumps(images, indent=1) + '\n', '--results')
        return
    text = io.StringIO(newline='')
    names = [field.name for field in fields(Errors)]
    kinds = [_key(how) for how in found.mean]
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['image', 'pixels', 'covered', 'rank_correlation', 'truth_by_prediction', *(
        f'{kind}_{name}' for kind in kinds for name in ('scale', *names))])
    for name, one in images.items():
        writer.writerow([
            name, one['pixels'], one['covered'], one['rank_correlation'],
            one['truth_by_prediction'], *(
                one[kind][field] for kind in kinds for field in ('scale', *names))])
    write_whole(path, text.getvalue(), '--results')


def check_ending(path: Path | None) -> None:
    """
    Refuse a file that is neither kind of table.

    :raises BadValue: its name ends in something else.
    """
    if path is not None and path.suffix.lower() not in TABLES:
        raise BadValue(f"--results: got '{path.name}', expected a name that ends in .csv or .json")


def _image(one: Difference) -> dict[str, Any]:
    return {
        'pixels': one.pixels, 'covered': one.covered, 'rank_correlation': one.correlation,
        'truth_by_prediction': one.ratio or None,
        **{_key(how): {'scale': one.fits[how].scale, **asdict(each)}
           for how, each in one.errors.items()}}


def _key(how: Alignment) -> str:
    return how.name.lower()
