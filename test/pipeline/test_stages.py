# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The road itself: decode, model, encode, with a lap for each."""

from functools import partial

from faster_deploy_ros.pipeline.outcome import Status
from faster_deploy_ros.pipeline.stages import Stages
from faster_deploy_ros.stopwatch import Stopwatch
import pytest


def decode(message):
    return message['pixels']


def model(frame, laps):
    laps.lap('preprocess')
    laps.lap('infer')
    return frame * 2


def encode(frame, result):
    return (frame, result)


def test_a_message_goes_through_all_three_stages_in_order():
    laps = Stopwatch()
    assert Stages(decode, model, encode)({'pixels': 21}, laps) == (21, 42)
    assert [lap.name for lap in laps.laps] == ['decode', 'preprocess', 'infer', 'encode']
    for earlier, later in zip(laps.laps, laps.laps[1:]):
        assert earlier.end_ns <= later.begin_ns <= later.end_ns


@pytest.mark.parametrize('stage', ['decode', 'model', 'encode'])
def test_what_a_stage_raises_is_the_frames_failure(own, stage):
    def fail(*args):
        raise ValueError(f'{stage} failed')

    parts = {'decode': decode, 'model': model, 'encode': encode, stage: fail}
    owner = own()
    owner.line.submit(partial(Stages(**parts), {'pixels': 1}))
    outcome, = owner.collect(1)
    assert outcome.status is Status.FAILED
    assert str(outcome.error) == f'{stage} failed'
    assert outcome.laps[0].name == 'wait'


def test_a_frame_in_the_line_has_the_laps_of_the_whole_road(own):
    owner = own()
    owner.line.submit(partial(Stages(decode, model, encode), {'pixels': 1}))
    outcome, = owner.collect(1)
    assert [lap.name for lap in outcome.laps] == [
        'wait', 'decode', 'preprocess', 'infer', 'encode', 'hold']
