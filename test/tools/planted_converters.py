# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Converters to ONNX itself: one that is right, and one for each way to go wrong.

``python planted_converters.py NAME MODEL ...`` runs the command with the converter ``NAME`` as
``onnxruntime``.
"""

import os
from pathlib import Path
import shutil
import signal
import sys

from faster_deploy_ros.errors import Unsupported
from faster_deploy_ros.registry import Entry
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.convert.job import Converted
from faster_deploy_ros.tools.convert.program import run_program
from faster_deploy_ros.tools.convert.table import CONVERTERS
import numpy as np
import onnx
from onnx import numpy_helper

LONG = "import time; print('at work', flush=True); time.sleep(60)"
CRASH = 'import os, signal; os.kill(os.getpid(), signal.SIGSEGV)'


def right(job):
    """Copy the model, and a second file beside it."""
    second = job.output.with_suffix('.bin')
    second.write_bytes(b'weights')
    shutil.copyfile(job.model, job.output)
    job.report('copying', 2, 2)
    return Converted(
        (job.output, second), {'copier': '1.2'}, ('nothing was rewritten',),
        {'description': ' '.join(
            [job.card.family, *(f'{name}={value}' for name, value in job.options.items())])})


def calibrated(job):
    """Copy the model, and tell in the card what the calibration images were."""
    shutil.copyfile(job.model, job.output)
    if job.calibration is None:
        raise Unsupported('convert: int8 needs images to calibrate on: give --images')
    first, again = list(job.calibration()), list(job.calibration())
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    np.save(job.output.parent / f'{job.output.stem}.npy', np.concatenate(first))
    return Converted((job.output, job.output.parent / f'{job.output.stem}.npy'), {})


def failing(job):
    """Write half of the result, then fail as our own code does."""
    job.output.write_bytes(b'half')
    raise RuntimeError('no such operator')


def unsupported(job):
    """Refuse politely."""
    raise Unsupported(f'convert: {job.precision} is not offered here')


def full_disk(job):
    """Write a part, then find no room."""
    job.output.write_bytes(b'half')
    raise OSError(28, 'No space left on device')


def crashing(job):
    """Write half, then run a program that crashes."""
    job.output.write_bytes(b'half')
    run_program([sys.executable, '-c', CRASH], folder=job.scratch)


def forgetful(job):
    """Say that a file was written that was not."""
    shutil.copyfile(job.model, job.output)
    return Converted((job.output, job.output.with_suffix('.bin')), {})


def empty(job):
    """Write a file with nothing in it."""
    job.output.touch()
    return Converted((job.output,), {})


def astray(job):
    """Write somewhere else."""
    other = job.scratch / 'other.onnx'
    shutil.copyfile(job.model, other)
    return Converted((other,), {})


def wrong(job):
    """Give other numbers: every weight times 0.9."""
    model = onnx.load(job.model)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(values * np.float32(0.9), tensor.name))
    onnx.save(model, job.output)
    return Converted((job.output,), {})


def overflowing(job):
    """Give infinities."""
    model = onnx.load(job.model)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(values * np.float32(1e30), tensor.name))
    onnx.save(model, job.output)
    return Converted((job.output,), {})


def unloadable(job):
    """Write what no runtime can load."""
    job.output.write_bytes(b'this is no model at all')
    return Converted((job.output,), {})


def slow(job):
    """Write half, then run a program that takes a minute."""
    job.output.write_bytes(b'half')
    run_program([sys.executable, '-c', LONG], folder=job.scratch,
                on_line=job.report)


def interrupted(job):
    """Be interrupted in the middle of our own work."""
    job.output.write_bytes(b'half')
    os.kill(os.getpid(), signal.SIGTERM)


def plant(name):
    """Put a converter of this file in place of the one for ``onnxruntime``."""
    CONVERTERS.add('onnxruntime', Entry(f'{Path(__file__).stem}:{name}'))


if __name__ == '__main__':
    plant(sys.argv[1])
    sys.exit(main(['convert', *sys.argv[2:], '--to', 'onnxruntime']))
