# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to OpenVINO's IR, by its official converter ovc and, for int8, by NNCF."""

from collections.abc import Sequence
from importlib.util import find_spec
import os
import re
import sys

from faster_deploy_ros.errors import ConvertFailed, Unavailable, Unsupported
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from faster_deploy_ros.tools.convert.program import find_program, run_program, version_of
import numpy as np

HINT = 'Install it: pip install openvino.'
ENVIRON = {'CI': 'true'}   # the one word that its reporting to its maker obeys
HALF = ('the weights are stored in half precision; ?precision= chooses what the device computes '
        'in, by default fp32')
PLACE = re.compile(r"Check '.*?' failed at \S+|Exception from \S+|FrontEnd API failed with \w+:")
# Run by `python -c` in the scratch folder. The preset is for activations that are not symmetric,
# as those of YOLO are (SiLU).
QUANTISE = """
import sys
sys.modules['openvino_telemetry'] = None
from pathlib import Path
import nncf
import numpy
import openvino
source, output = sys.argv[1:]
model = openvino.Core().read_model(source)
if len(model.inputs) != 1:
    sys.exit(f'the model has {len(model.inputs)} inputs, and the images are for one')
tensors = sorted(Path().glob('tensor*.npy'))
quantised = nncf.quantize(
    model, nncf.Dataset(tensors, numpy.load), subset_size=len(tensors),
    preset=nncf.QuantizationPreset.MIXED)
openvino.save_model(quantised, output, compress_to_fp16=False)
"""
NOISE = re.compile(r'^(WARNING: All log|E0000 |I0000 |W0000 )')


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.xml`` and ``<output>.bin``; names, shapes and metadata of the ONNX are kept.

    fp16 stores the weights in half precision; what is computed in is the option ``precision`` of
    the runtime.

    int8 quantises weights and activations by what the calibration images do to them.

    :raises Unavailable: openvino is not installed; or nncf, for int8.
    :raises Unsupported: int8 without images.
    :raises ConvertFailed: the model has what OpenVINO has not; with the program's own words.
    """
    program = find_program('ovc', HINT)
    if job.precision == 'int8':
        _check_calibration(job)
    output = job.output.resolve()
    weights = job.output.with_suffix('.bin')
    job.report('ovc')
    lines: list[str] = []
    try:
        run_program(
            [program, job.model.resolve(), '--output_model', output,
             f"--compress_to_fp16={job.precision == 'fp16'}"],
            folder=job.scratch, environ=ENVIRON, on_line=lines.append)
    except ConvertFailed as error:
        raise ConvertFailed(f'convert: ovc refuses the model: {_reason(lines)}') from error
    for path in (job.output, weights):
        if not path.is_file():
            raise ConvertFailed(
                f"convert: ovc ended well and wrote no '{path.name}': {_reason(lines)}")
    versions = {'openvino': version_of('openvino')}
    notes = [HALF] if job.precision == 'fp16' else []
    if job.precision == 'int8':
        versions['nncf'] = version_of('nncf')
        notes.append(_quantise(job))
    return Converted((job.output, weights), versions, tuple(notes))


def _check_calibration(job: ConvertJob) -> None:
    """Refuse int8 before anything is done where it cannot be finished."""
    if find_spec('nncf') is None:
        raise Unavailable(
            'convert: int8 for OpenVINO is made by NNCF, which is not installed for this Python. '
            'Install it: pip install nncf; or choose --precision fp16')
    if job.calibration is None:
        raise Unsupported(
            'convert: int8 needs images like those of the robot, to see how large the numbers '
            'become; give some hundred by --images DIR')


def _quantise(job: ConvertJob) -> str:
    """Let NNCF, in a Python of its own, make 8 bits of what ovc has written."""
    assert job.calibration is not None
    count = 0
    for count, tensor in enumerate(job.calibration(), 1):
        np.save(job.scratch / f'tensor{count:06}.npy', tensor)
    if not count:
        raise Unsupported('convert: int8 needs images, and there is none in the folder')
    job.report('quantising', 0, count)
    lines: list[str] = []
    try:
        run_program(
            [sys.executable, '-c', QUANTISE, job.output.resolve(), job.scratch / 'int8.xml'],
            folder=job.scratch, environ=ENVIRON, on_line=lines.append)
    except ConvertFailed as error:
        raise ConvertFailed(f"convert: nncf failed: {'; '.join(lines[-3:])[-400:]}") from error
    for ending in ('.xml', '.bin'):
        os.replace((job.scratch / 'int8').with_suffix(ending), job.output.with_suffix(ending))
    return f'weights and activations have 8 bits, calibrated with {count} images'


def _reason(lines: Sequence[str]) -> str:
    """Say in one line why, out of a report with decorations, a traceback and source places."""
    text = '\n'.join(line for line in lines if not NOISE.match(line))
    if '[ ERROR ]' in text:
        text = text.partition('[ ERROR ]')[2]
    text = text.partition('DETAILED INFORMATION')[2] or text
    text = PLACE.sub(' ', text.partition('Traceback (most')[0])
    said = (line.replace('[ ERROR ]', '').strip(' -:') for line in text.splitlines())
    return '; '.join(line for line in said if line)[:400] or 'it printed no reason'
