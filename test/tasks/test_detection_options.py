# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every option has a range, and the message says it."""

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks import DetectionOptions
import pytest

NAN = float('nan')


@pytest.mark.parametrize(('name', 'value', 'message'), [
    ('confidence_threshold', 1.1, 'got 1.1, expected a number from 0 to 1'),
    ('confidence_threshold', -0.1, 'got -0.1'),
    ('confidence_threshold', NAN, 'got nan'),
    ('confidence_threshold', '0.5', "got '0.5'"),
    ('nms_threshold', 2, 'got 2, expected a number from 0 to 1'),
    ('nms_threshold', True, 'got True'),
    ('max_detections', 0, 'got 0, expected a whole number from 1 to 10000'),
    ('max_detections', 1.5, 'got 1.5'),
    ('max_candidates', 0, 'got 0'),
    ('classes', 'person', "got one text 'person', expected a list"),
    ('classes', (1.5,), 'got 1.5, expected labels or numbers'),
    ('classes', (True,), 'got True'),
    ('labels', 'person', "got one text 'person'"),
    ('labels', ('a', ''), "got '' for class 1"),
])
def test_an_option_out_of_range_is_refused_with_its_range(name, value, message):
    with pytest.raises(BadValue, match=f'^{name}: .*{message}'):
        DetectionOptions(**{name: value})


def test_the_ends_of_the_ranges_are_inside():
    DetectionOptions(confidence_threshold=0, nms_threshold=1, max_detections=1)
    DetectionOptions(confidence_threshold=1.0, nms_threshold=0.0, max_candidates=100_000)


def test_lists_become_tuples_so_that_the_options_stay_frozen():
    options = DetectionOptions(classes=['a', 1], labels=['x'])
    assert (options.classes, options.labels) == (('a', 1), ('x',))
