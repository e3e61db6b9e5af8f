# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where an object is in the image, there its box is: any family, image size and placement."""

from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard
from faster_deploy_ros.tasks.letterbox import letterbox, PLACEMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_detectors import INPUT
import numpy as np
import pytest
from query_cores import finished, joined
from tensor_cores import core_saying

CELLS = 126   # of INPUT at strides 8 to 32


def centres(xyxy):
    return np.concatenate(((xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]), axis=1)


def cells(rows, count):
    """Return rows in the first of ``count`` places; the others hold nothing."""
    output = np.zeros((1, count, rows.shape[1]), np.float32)
    output[0, :len(rows)] = rows
    return output


def one_column(number, value=1.0):
    return np.full((number, 1), value)


def fractions(xyxy):
    return xyxy / np.array(INPUT * 2)


# From corners in input pixels and scores to a core that says so.
SAY = {
    'yolox': lambda xyxy, score: core_saying(cells(np.hstack((
        centres(xyxy), one_column(len(xyxy)), score)), CELLS), INPUT, {'decoded': 'true'}),
    'yolov5': lambda xyxy, score: core_saying(cells(np.hstack((
        centres(xyxy), score, one_column(len(xyxy)))), 3 * CELLS), INPUT),
    'yolov8': lambda xyxy, score: core_saying(
        cells(np.hstack((centres(xyxy), score)), CELLS).transpose(0, 2, 1), INPUT),
    'yolo_end2end': lambda xyxy, score: core_saying(
        np.hstack((xyxy, score, one_column(len(xyxy), 0)))[None].astype(np.float32), INPUT),
    'rtdetr': lambda xyxy, score: finished(
        pairs=np.hstack((fractions(xyxy), score, one_column(len(xyxy), 0))).astype(np.float32)),
    'rtdetr joined': lambda xyxy, score: joined(
        centres(fractions(xyxy))[None].astype(np.float32), score[None]),
}


@pytest.mark.parametrize('family', SAY)
@settings(max_examples=25, deadline=None)
@given(source=st.tuples(st.integers(30, 3000), st.integers(30, 3000)),
       placement=st.sampled_from(PLACEMENTS), seed=st.integers(0, 2**32 - 1))
def test_boxes_come_back_to_where_the_objects_are(family, source, placement, seed):
    rng = np.random.default_rng(seed)
    size = np.array(source * 2)
    corners = rng.uniform(0, 0.6, (5, 2))
    truth = np.hstack((corners, corners + rng.uniform(0.1, 0.4, (5, 2)))) * size
    score = np.linspace(0.9, 0.5, 5)[:, None]
    card = ModelCard(input=InputCard(letterbox=placement))
    frame = Frame(0, '', np.zeros((source[1], source[0], 3), np.uint8))
    lies = letterbox(source, INPUT, placement)
    with SAY[family](lies.to_input(truth), score) as core:
        model = open_model(
            family.split()[0], core, DetectionOptions(nms_threshold=1.0), card=card)
        found = model(frame, Stopwatch())
    # 0.001 pixels of the input, in pixels of the image.
    np.testing.assert_allclose(found.xyxy, truth, atol=0.001 / min(lies.scale))
