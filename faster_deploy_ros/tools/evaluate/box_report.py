# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a detector as tables and as JSON."""

from collections import Counter
from typing import Any

from faster_deploy_ros.tools.average_precision import AREAS
from faster_deploy_ros.tools.evaluate.box_figures import Evaluated
from faster_deploy_ros.tools.evaluate.findings import Words
from faster_deploy_ros.tools.layout import lay_out, number

DIGITS = '.3f'


def figures(found: Evaluated) -> dict[str, float | None]:
    """Return the figures by COCO's names; None where the truth has no such object."""
    judged = found.judged
    values = {'AP': judged.ap(), 'AP50': judged.ap(0.5), 'AP75': judged.ap(0.75),
              'AR': judged.ar()}
    for area in list(AREAS)[1:]:
        values[f'AP {area}'] = judged.ap(area=area)
    for area in list(AREAS)[1:]:
        values[f'AR {area}'] = judged.ar(area)
    return values


def table(found: Evaluated) -> str:
    """Lay the figures out: all objects, then by their size."""
    judged = found.judged
    rows = [[
        area, number(judged.ap(area=area), DIGITS), number(judged.ap(0.5, area), DIGITS),
        number(judged.ap(0.75, area), DIGITS), number(judged.ar(area), DIGITS)]
        for area in judged.areas]
    return lay_out(rows, ['objects', 'AP', 'AP50', 'AP75', 'AR'])


def class_table(found: Evaluated) -> str:
    """Lay the figures of each class out, the best first."""
    objects = Counter(found.objects)
    rows = sorted(
        ([found.names[one], number(objects[one], 'd'),
          *(number(found.judged.ap(overlap, category=one), DIGITS)
            for overlap in (None, 0.5, 0.75)),
          number(found.judged.ar(category=one), DIGITS)] for one in found.judged.judged),
        key=lambda row: (-float(row[2]), row[0]))
    return lay_out(rows, ['class', 'objects', 'AP', 'AP50', 'AP75', 'AR'])


def meaning(found: Evaluated, most: int) -> list[Words]:
    """Say what the figures are."""
    kinds = len(found.judged.judged)
    classes = '1 class' if kinds == 1 else f'{kinds} classes'
    means = (f'mean over IoU 0.50 to 0.95 and {classes} with objects, 101 recalls, by '
             'pycocotools; AP50 and AP75: at IoU 0.50 and 0.75')
    return [
        ('AP', means),
        ('AR', f'mean of the highest recalls; of an image the best {most} boxes count'),
        ('sizes', 'small: less than 32x32 pixels; large: more than 96x96')]


def as_json(found: Evaluated) -> dict[str, Any]:
    """Return the figures, those of each class too."""
    judged, objects = found.judged, Counter(found.objects)
    return {
        'images': found.images, 'objects': len(found.objects), 'found': len(found.results),
        **{name.replace(' ', '_').lower(): value for name, value in figures(found).items()},
        'classes': {
            found.names[one]: {
                'objects': objects[one], 'ap': judged.ap(category=one),
                'ap50': judged.ap(0.5, category=one), 'ap75': judged.ap(0.75, category=one),
                'ar': judged.ar(category=one)}
            for one in judged.judged}}
