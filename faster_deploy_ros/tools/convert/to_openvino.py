# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to OpenVINO's IR, by its official converter ovc and, for int8, by NNCF."""

from importlib.metadata import PackageNotFoundError, version
import re

from faster_deploy_ros.errors import ConvertFailed, Unsupported
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from faster_deploy_ros.tools.convert.program import find_program, run_program

HINT = 'Install it: pip install openvino.'
ENVIRON = {'CI': 'true'}   # the one word that its reporting to its maker obeys
HALF = ('the weights are stored in half precision; ?precision= chooses what the device computes '
        'in, by default fp32')
PLACE = re.compile(r"Check '.*?' failed at \S+|Exception from \S+|FrontEnd API failed with \w+:")
NOISE = re.compile(r'^(WARNING: All log|E0000 |I0000 |W0000 )')


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.xml`` and ``<output>.bin``; names, shapes and metadata of the ONNX are kept.

    fp16 stores the weights in half precision; what is computed in is the option ``precision`` of
    the runtime.

    :raises Unavailable: openvino is not installed.
    :raises Unsupported: int8.
    :raises ConvertFailed: the model has what OpenVINO has not; with the program's own words.
    """
    if job.precision == 'int8':
        raise Unsupported(
            'convert: int8 for OpenVINO is made by NNCF, which is no program but a library: '
            'quantise with it (pip install nncf; nncf.quantize), or choose --precision fp16')
    program = find_program('ovc', HINT)
    weights = job.output.with_suffix('.bin')
    job.report('ovc')
    try:
        printed = run_program(
            [program, job.model.resolve(), '--output_model', job.output.resolve(),
             f"--compress_to_fp16={job.precision == 'fp16'}"],
            folder=job.scratch, environ=ENVIRON)
    except ConvertFailed as error:
        raise ConvertFailed(f'convert: ovc refuses the model: {_reason(str(error))}') from error
    for path in (job.output, weights):
        if not path.is_file():
            raise ConvertFailed(
                f"convert: ovc ended well and wrote no '{path.name}': {_reason(printed)}")
    return Converted(
        (job.output, weights), {'openvino': _version()},
        (HALF,) if job.precision == 'fp16' else ())


def _reason(printed: str) -> str:
    """Say in one line why, without the places in the program's own source."""
    _, marked, after = printed.partition('[ ERROR ]')
    lines = [PLACE.sub('', line.strip(' |')) for line in (
        after if marked else printed).splitlines()]
    said = [line.strip(' :') for line in lines if line and not NOISE.match(line)]
    return '; '.join(line for line in said if line)[:400] or 'it printed no reason'


def _version() -> str:
    try:
        return version('openvino')
    except PackageNotFoundError:
        return 'not known'
