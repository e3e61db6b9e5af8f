# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading ahead: the same shots in the same order, bounded, and an end in every case."""

import threading

from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.sources.ahead import ReadAhead
from faster_deploy_ros.sources.shot import Shot
import numpy as np
import pytest


def shot(number):
    return Shot(Frame(number, 'camera', np.zeros((2, 2, 3), np.uint8)))


def test_every_shot_comes_once_and_in_order():
    ahead = ReadAhead((shot(number) for number in range(200)), depth=3)
    assert [one.frame.stamp_ns for one in ahead] == list(range(200))
    assert list(ahead) == [], 'the end stays the end'
    assert ahead.close()


def test_an_error_comes_after_the_shots_before_it():
    def broken():
        yield shot(0)
        yield shot(1)
        raise BadFrame('the third one')
    ahead = ReadAhead(broken(), depth=8)
    assert [next(ahead).frame.stamp_ns for _ in range(2)] == [0, 1]
    with pytest.raises(BadFrame, match='the third one'):
        next(ahead)
    assert next(ahead, None) is None
    assert ahead.close()


def test_no_more_is_read_than_may_be_ready():
    read, fifth = [], threading.Event()

    def endless():
        while True:
            read.append(len(read))
            if len(read) == 5:
                fifth.set()
            yield shot(len(read))
    ahead = ReadAhead(endless(), depth=3)
    try:
        assert not fifth.wait(0.3), 'three are ready, one is in the making'
        next(ahead)
        assert fifth.wait(10.0)
        assert len(read) == 5
    finally:
        assert ahead.close()


def test_closing_ends_a_reader_that_waits_for_room():
    ahead = ReadAhead((shot(0) for _ in iter(int, 1)), depth=1)
    next(ahead)
    assert ahead.close()
    assert next(ahead, None) is None
