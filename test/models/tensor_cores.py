# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Cores without a runtime whose one output is a given array."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
import numpy as np


def core_saying(output, size=(416, 416), metadata=None, output_shape=None, input_shape=None):
    """Return a loaded core that takes an image of ``size`` and always says ``output``."""
    output = np.asarray(output)
    shape = input_shape or (1, 3, size[1], size[0])
    answer_shape = output.shape

    def answer(blobs):
        blobs['out'].reshape(answer_shape)
        np.copyto(blobs['out'].data, output)

    core = MockCore(
        specs=[
            BlobSpec('in', np.dtype(np.float32), shape, True),
            BlobSpec('out', output.dtype, output_shape or output.shape, False)],
        script=answer, metadata=metadata)
    core.load()
    return core


def core_with(*specs, metadata=None):
    """Return a loaded core with these tensors that is never run."""
    core = MockCore(specs=specs, script=lambda blobs: None, metadata=metadata)
    core.load()
    return core


def tensor(name, shape, is_input=False, dtype=np.float32):
    """Return the spec of one tensor."""
    return BlobSpec(name, np.dtype(dtype), shape, is_input)
