# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to MNN, by its official converter."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
import re
import sys

from faster_deploy_ros.cores.mnn.file import read_mnn
from faster_deploy_ros.errors import ConvertFailed, Unavailable
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from faster_deploy_ros.tools.convert.program import run_program, version_of

HINT = 'Install it: pip install MNN.'
# The wheel's programs install a package by pip and report each conversion, with a machine id, to
# their maker. Without that module they go on by themselves.
START = (
    'import sys; '
    "sys.modules['MNN.tools.utils.log'] = None; "
    'from MNN.tools.{name} import main; '
    "sys.argv[0] = '{name}'; "
    'sys.exit(main())')
STORAGE: Mapping[str, tuple[str, ...]] = {
    'fp32': (), 'fp16': ('--fp16',), 'int8': ('--weightQuantBits', '8')}
NOTES: Mapping[str, str] = {
    'fp16': 'the weights are stored in half precision and computed in float32; ?precision=fp16 '
            'computes in half where the processor can',
    'int8': 'only the weights are quantised, to 8 bits: the file is a quarter, the speed and the '
            'activations are those of float32, and no images were used'}
SUCCESS = 'Converted Success'
NOISE = re.compile(r'^\[[\d:]+\] [^:]*:\d+: |^The device supports.*|^Start to .*|'
                   r'^\[?ONNX Model .*|^(input|output)Tensors *:.*|^Converted Failed!?|^main, .*')
REASON = re.compile(r'not support|fail|error|cannot|can\'t|invalid|abort|check', re.IGNORECASE)


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.mnn``; the names of the ONNX's inputs and outputs are kept.

    fp16 and int8 are how the weights are stored: the quantiser of activations that comes with
    the wheel (3.6) crashes on every model.

    :raises Unavailable: the package MNN is not installed.
    :raises ConvertFailed: the model has what MNN has not; with the program's own words.
    """
    _check_installed()
    words: list[str | Path] = [
        '-f', 'ONNX', '--modelFile', job.model.resolve(), '--MNNModel', job.output.resolve(),
        '--bizCode', 'faster_deploy_ros', '--keepInputFormat']
    words += STORAGE[job.precision]
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
    notes = [NOTES[job.precision]] if job.precision in NOTES else []
    if any(-1 in each.shape for each in made.inputs):
        notes.append('open dimensions stay open, but an open batch has become 1')
    return Converted((job.output,), {'MNN': version_of('MNN')}, tuple(notes))


def _check_installed() -> None:
    if any(find_spec(name) is None for name in ('MNN', '_tools')):
        raise Unavailable(f'convert: the package MNN with its converter is not installed. {HINT}')


def _run(name: str, words: list[str | Path], job: ConvertJob) -> str:
    """Run one of the wheel's programs as its own script does, without its reporting."""
    # Its own folder is the scratch folder: it may leave files where it runs.
    return run_program(
        [sys.executable, '-c', START.format(name=name), *map(str, words)],
        folder=job.scratch)


def _reason(printed: str) -> str:
    """Pick the lines that say why, out of many that do not."""
    lines = [NOISE.sub('', line.strip()) for line in printed.splitlines()]
    said = [line for line in lines if line and REASON.search(line)] or [
        line for line in lines if line] or ['it printed no reason']
    return '; '.join(dict.fromkeys(said))[:400]
