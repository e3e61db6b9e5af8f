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
from faster_deploy_ros.tools.evaluate.findings import Words
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


def meaning(found: Evaluated, limits: Range) -> list[Words]:
    """Say what the figures are."""
    images = list(found.images.values())
    count = '1 image' if len(images) == 1 else f'{len(images)} images'
    mean = (f'over {count}, of the pixels with a truth from {limits.least_m:g} to '
            f'{limits.most_m:g} m; predictions are cut to that range')
    said = [('mean', mean)]
    for how in found.mean:
        said += _how(how, found)
    order = float(np.median([one.correlation for one in images]))
    said.append(('order', f'of far and near: rank correlation {order:.2f}, median of the images'))
    covered = float(np.mean([one.covered for one in images]))
    if covered < 0.9995:
        said.append(('unknown', f'{1 - covered:.1%} of these pixels have no prediction'))
    return said


def _how(how: Alignment, found: Evaluated) -> list[Words]:
    scales = np.array([one.fits[how].scale for one in found.images.values()])
    middle = float(np.median(scales))
    spread = f', standard deviation {np.std(scales) / middle:.0%}' if len(scales) > 1 else ''
    if how is Alignment.MEDIAN:
        scaled = f"each image scaled by its own truth's median: {middle:.3g} in the middle"
        return [('median', scaled + spread)]
    if how is Alignment.AFFINE:
        line = ("each image's inverse depth scaled and shifted by its own truth, least squares: "
                f'scale {middle:.3g} in the middle')
        return [('shifted', line)]
    return []


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
