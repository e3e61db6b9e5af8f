# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO and files that change: written over while the model runs, or not of one model."""

import subprocess
import sys

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import LoadFailed
import numpy as np
import pytest

pytest.importorskip('openvino', reason='needs the package openvino')
helper = pytest.importorskip('onnx.helper', reason='needs the package onnx for its models')

pytestmark = pytest.mark.core

WRITE_OVER = """
import os, sys
from faster_deploy_ros.cores import open_core
with open_core(sys.argv[1], seats=2) as core, core.lease() as first, core.lease() as second:
    core.sync_infer(first)
    before = first['y'].data.copy()
    os.truncate(sys.argv[2], 0)
    core.sync_infer(second)
    print((second['y'].data == before).all())
"""


def save_ir(path, nodes, shape, weights):
    """Write a small model as .xml, beside its .bin."""
    import make_models
    import openvino
    made = make_models.model(
        nodes, [make_models.tensor('x', shape)], [make_models.tensor('y', shape)],
        weights=weights)
    openvino.save_model(
        openvino.Core().read_model(made), str(path), compress_to_fp16=False)
    return path


def array(name, values):
    from onnx import numpy_helper
    return numpy_helper.from_array(np.asarray(values), name)


def test_weights_that_are_written_over_do_not_end_the_process(tmp_path):
    table = np.random.default_rng(0).standard_normal((1, 3, 256, 256)).astype(np.float32)
    path = save_ir(
        tmp_path / 'm.xml', [helper.make_node('Add', ['x', 'table'], ['y'])], table.shape,
        [array('table', table)])
    done = subprocess.run(
        [sys.executable, '-c', WRITE_OVER, str(path), str(path.with_suffix('.bin'))],
        capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, 'True\n'), done.stderr


def test_weights_of_another_model_are_refused_with_the_remedy(tmp_path):
    path = save_ir(
        tmp_path / 'm.xml', [
            helper.make_node('Reshape', ['x', 'wide'], ['between']),
            helper.make_node('Reshape', ['between', 'back'], ['y'])],
        (3, 4), [array('wide', [2, 6]), array('back', [3, 4])])
    beside = path.with_suffix('.bin')
    np.full_like(np.fromfile(beside, np.int64), -9).tofile(beside)
    with refused(LoadFailed, 'm.xml', 'copy both again'):
        open_core(path)
