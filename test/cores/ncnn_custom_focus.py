# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
YOLOX's Focus as the custom layer of ncnn that it is in others' models: the reference for ours.

``python ncnn_custom_focus.py ORDERS.npz ANSWERS.npz``, a process of its own: what is registered
with the binding stays there. Orders are ``param_*`` and ``weights_*``, paths, ``x_*`` and
``output_*``; answers are ``y_*`` with the same endings.
"""

import sys

import ncnn
import numpy as np


class Focus(ncnn.Layer):
    """Stack the four pixels of each 2x2 square: rows before columns, as YOLOX does."""

    def __init__(self):
        """Take one blob and make one."""
        super().__init__()
        self.one_blob_only = True

    def forward(self, bottom, top, options):
        """Fill ``top``; the GIL is held."""
        x = np.asarray(bottom)[:, :bottom.h // 2 * 2, :bottom.w // 2 * 2]
        y = np.concatenate([x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)])
        top.clone_from(ncnn.Mat(y), options.blob_allocator)
        return 0


MADE = []   # what the C++ side uses must be kept alive on this one


def make():
    """Return a new layer to ncnn."""
    MADE.append(Focus())
    return MADE[-1]


def run(param, weights, x, output):
    """Return one output of a model with the custom layer."""
    net = ncnn.Net()
    net.opt.num_threads = 1
    for name in ('use_fp16_packed', 'use_fp16_storage', 'use_fp16_arithmetic'):
        setattr(net.opt, name, False)
    assert net.register_custom_layer('YoloV5Focus', make, lambda layer: None) == 0
    assert net.load_param(param) == net.load_model(weights) == 0
    extractor, y = net.create_extractor(), ncnn.Mat()
    extractor.input(0, ncnn.Mat(x))
    assert extractor.extract(output, y) == 0
    return np.array(y)


if __name__ == '__main__':
    orders = np.load(sys.argv[1])
    answers = {}
    for key in orders:
        if key.startswith('x_'):
            end = key[2:]
            answers[f'y_{end}'] = run(
                str(orders[f'param_{end}']), str(orders[f'weights_{end}']), orders[key],
                str(orders[f'output_{end}']))
    np.savez(sys.argv[2], **answers)
