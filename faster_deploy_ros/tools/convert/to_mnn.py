# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to MNN, by its official converter and, for int8, its official quantiser."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
import os
from pathlib import Path
import re
import sys

from faster_deploy_ros.cores.mnn_file import read_mnn
from faster_deploy_ros.errors import ConvertFailed, Unavailable, Unsupported
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from faster_deploy_ros.tools.convert.program import run_program

HINT = 'Install it: pip install MNN.'
# The wheel's programs install a package by pip and report each conversion, with a machine id, to
# their maker. Without that module they go on by themselves.
START = (
    'import sys; '
    "sys.modules['MNN.tools.utils.log'] = None; "
    'from MNN.tools.{name} import main; '
    "sys.argv[0] = '{name}'; "
    'sys.exit(main())')
SUCCESS = 'Converted Success'
NOISE = re.compile(r'^\[[\d:]+\] [^:]*:\d+: |^The device supports.*|^Start to .*|'
                   r'^\[?ONNX Model .*|^(input|output)Tensors *:.*|^Converted Failed!?|^main, .*')
REASON = re.compile(r'not support|fail|error|cannot|can\'t|invalid|abort|check', re.IGNORECASE)


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.mnn``; the names of the ONNX's inputs and outputs are kept.

    fp16 stores the weights in half precision. int8 quantises weights and activations with the
    calibration images.

    :raises Unavailable: the package MNN is not installed.
    :raises Unsupported: int8 without images to calibrate with.
    :raises ConvertFailed: the model has what MNN has not; with the program's own words.
    """
    if job.precision == 'int8':
        raise Unsupported(
            "convert: MNN's offline quantiser reads pictures with a scaling of its own, not the "
            'tensors that this model sees; choose --precision fp16, or quantise the ONNX first')
    _check_installed()
    words = [
        '-f', 'ONNX', '--modelFile', job.model.resolve(), '--MNNModel', job.output.resolve(),
        '--bizCode', 'faster_deploy_ros', '--keepInputFormat']
    if job.precision == 'fp16':
        words.append('--fp16')
    job.report('converting')
    printed = _run('mnnconvert', words, job)
    if SUCCESS not in printed or not job.output.is_file():   # it ends with 0 whatever happens
        raise ConvertFailed(f'convert: mnnconvert failed: {_reason(printed)}')
    try:
        made = read_mnn(job.output.read_bytes())
    except ValueError as error:
        raise ConvertFailed(
            f'convert: mnnconvert wrote a file that is no model: {error}; try another version of '
            'MNN') from error
    notes = []
    if job.precision == 'fp16':
        notes.append('the weights are stored in half precision and computed in float32; '
                     '?precision=fp16 computes in half where the processor can')
    if any(-1 in each.shape for each in made.inputs):
        notes.append('open dimensions stay open, but an open batch has become 1')
    return Converted((job.output,), {'MNN': _version()}, tuple(notes))


def _check_installed() -> None:
    if any(find_spec(name) is None for name in ('MNN', '_tools')):
        raise Unavailable(f'convert: the package MNN with its converter is not installed. {HINT}')


def _run(name: str, words: list[str | Path], job: ConvertJob) -> str:
    """Run one of the wheel's programs as its own script does, without its reporting."""
    # Its own folder is the scratch folder: it may leave files where it runs.
    return run_program(
        [sys.executable, '-c', START.format(name=name), *map(os.fspath, words)],
        folder=job.scratch)


def _reason(printed: str) -> str:
    """Pick the lines that say why, out of many that do not."""
    lines = [NOISE.sub('', line.strip()) for line in printed.splitlines()]
    said = [line for line in lines if line and REASON.search(line)] or [
        line for line in lines if line] or ['it printed no reason']
    return '; '.join(dict.fromkeys(said))[:400]


def _version() -> str:
    try:
        return version('MNN')
    except PackageNotFoundError:
        return 'not known'
