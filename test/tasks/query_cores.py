# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Cores that say the boxes of the golden file in every form that detection transformers have."""

from pathlib import Path

from faster_deploy_ros.cores.mock_core import MockCore
from make_golden_detectors import INPUT
import numpy as np
from tensor_cores import tensor

GOLDEN = np.load(Path(__file__).with_name('golden_detectors.npz'))
IMAGE = tensor('images', (1, 3, INPUT[1], INPUT[0]), is_input=True)
PAIRS, BOXES, LOGITS = GOLDEN['pairs'], GOLDEN['query_boxes'], GOLDEN['query_logits']
SCORES = 1 / (1 + np.exp(-LOGITS))


def finished(*, sizes=np.int64, labels=np.int64, batch=True, order=(0, 1, 2), is_open=False,
             names=('labels', 'boxes', 'scores'), pairs=PAIRS, sizes_shape=(1, 2)):
    """Return a core as the projects deploy it: it scales its boxes to the sizes it is given."""
    def answer(blobs):
        width, height = np.ravel(blobs['orig_target_sizes'].data)
        values = (
            pairs[:, 5].astype(labels),
            pairs[:, :4] * np.array([width, height, width, height], np.float32), pairs[:, 4])
        for name, value in zip(names, values):
            said = value[None] if batch else value
            blobs[name].reshape(said.shape)
            blobs[name].data[...] = said

    count = -1 if is_open else len(pairs)
    front = () if not batch else (-1,) if is_open else (1,)
    specs = [tensor(names[0], (*front, count), dtype=labels),
             tensor(names[1], (*front, count, -1 if is_open else 4)),
             tensor(names[2], (*front, count))]
    return loaded([
        IMAGE, tensor('orig_target_sizes', sizes_shape, True, sizes),
        *(specs[place] for place in order)], answer)


def raw(boxes=BOXES, values=LOGITS, names=('pred_boxes', 'logits'), extra=(), turn=False):
    """Return a core that says fractions of the image, and logits or scores by class."""
    def answer(blobs):
        blobs[names[0]].data[...] = boxes
        blobs[names[1]].data[...] = values

    outputs = [tensor(names[0], boxes.shape), tensor(names[1], values.shape), *extra]
    return loaded([IMAGE, *(outputs[::-1] if turn else outputs)], answer)


def joined(boxes=BOXES, scores=SCORES):
    output = np.concatenate((boxes, scores), axis=-1).astype(np.float32)

    def answer(blobs):
        blobs['output0'].data[...] = output

    return loaded([IMAGE, tensor('output0', output.shape)], answer)


def loaded(specs, answer, metadata=None):
    core = MockCore(specs=specs, script=answer, metadata=metadata)
    core.load()
    return core


FORMS = {
    'finished': finished,
    'finished, int32': lambda: finished(sizes=np.int32, labels=np.int32),
    'finished, floats': lambda: finished(sizes=np.float32, labels=np.float32),
    'finished, no batch': lambda: finished(batch=False, sizes_shape=(2,)),
    'finished, another order': lambda: finished(order=(2, 0, 1)),
    'finished, open shapes': lambda: finished(is_open=True, sizes_shape=(-1, 2)),
    'finished, open shapes, no batch': lambda: finished(is_open=True, batch=False),
    'finished, other names': lambda: finished(names=('a', 'b', 'c'), order=(1, 2, 0)),
    'finished, names that contain others': lambda: finished(
        names=('a', 'class_boxes', 'class_scores')),
    'logits': raw,
    'logits, no batch': lambda: raw(BOXES[0], LOGITS[0]),
    'logits, another order': lambda: raw(turn=True),
    'logits called labels': lambda: raw(names=('dets', 'labels')),
    'logits by shape': lambda: raw(names=('o1', 'o2'), turn=True),
    'logits with features': lambda: raw(extra=[tensor('last_hidden_state', (1, 25, 64))]),
    'logits with the boxes of other layers': lambda: raw(
        extra=[tensor('aux_pred_boxes', (1, 25, 4)), tensor('aux_logits', (1, 25, 3))]),
    'scores by class': lambda: raw(values=SCORES, names=('boxes', 'scores')),
    'joined': joined,
    'joined, no batch': lambda: joined(BOXES[0], SCORES[0]),
}
