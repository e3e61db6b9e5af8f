# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to Rockchip's NPU, by its official toolkit in a Python of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from faster_deploy_ros.cores.options import option, read_options
from faster_deploy_ros.cores.rknn.board import find_board
from faster_deploy_ros.cores.rknn.file import read_rknn
from faster_deploy_ros.errors import BadValue, ConvertFailed, Unavailable, Unsupported
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from faster_deploy_ros.tools.convert.onnx_dfl import replace_dfl
from faster_deploy_ros.tools.convert.program import run_program
from faster_deploy_ros.tools.convert.rknn_images import Picture, Scaling
from faster_deploy_ros.tools.convert.rknn_parity import compare, sample
import numpy as np
from numpy.typing import NDArray
import onnx

TOOLKIT = Path(__file__).with_name('rknn_toolkit.py')
SIDE_VENV = Path(__file__).resolve().parents[3] / '.venv-rknn' / 'bin' / 'python'
HINT = ('Make one: scripts/side_venv rknn (x86-64, Python 3.10 to 3.12), or name yours: '
        '--option python=/path/to/python')
TARGETS = (
    'rk3588', 'rk3576', 'rk3562', 'rk3566', 'rk3568', 'rv1103', 'rv1103b', 'rv1106', 'rv1106b',
    'rv1126b', 'rk2118')
SAID = '@faster-deploy '    # as in rknn_toolkit.py, which imports nothing of ours
# ROS from PyPI and our own checkout are of another Python.
CLEAN = dict.fromkeys(
    ('PYTHONPATH', 'PYTHONHOME', 'LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE'), '')
PROBE = 'import importlib.util as u, sys; sys.exit(u.find_spec("rknn") is None)'
_COUNT = re.compile(r'I (\w+)[^|]*\|.*?(\d+)/(\d+) ')


@dataclass(frozen=True)
class RknnOrders:
    """What ``--option`` can say to this converter."""

    target: str = option('', "the chip; this board's own where it is one", choices=('', *TARGETS))
    python: str = option('', 'the Python that has rknn-toolkit2')
    mean: tuple[str, ...] = option((), 'taken off the raw bytes, per channel: 123.7,116.3,103.5')
    std: tuple[str, ...] = option((), 'divided by after that, per channel: 255,255,255')
    algorithm: str = option(
        'normal', 'how int8 ranges are found', choices=('normal', 'mmse', 'kl_divergence'))
    tail: str = option(
        'fp16', 'int8: what follows the last learned layers, where boxes and scores meet',
        choices=('fp16', 'int8'))
    level: int = option(3, "the toolkit's optimization_level, 0 to 3", minimum=0)
    check: bool = option(True, "compare the toolkit's simulator with the original")
    timeout_s: float = option(3600.0, 'for the toolkit', minimum=1)


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.rknn``: bytes in (NHWC, the model's colours), its own scaling inside.

    :raises UnknownName: an option that this converter has not.
    :raises BadValue: an option that cannot be read, no target, or no images for int8.
    :raises Unsupported: fp32, which the NPU has not; int8 with several inputs.
    :raises Unavailable: there is no Python with the toolkit.
    :raises ConvertFailed: the toolkit fails, or the result is far from the original.
    """
    orders = read_options(RknnOrders, job.options, 'convert --to rknn')
    if job.precision == 'fp32':
        raise Unsupported(
            'convert: the NPU computes in fp16 or int8, not in fp32; choose --precision fp16, or '
            '--precision int8 with --images')
    is_int8 = job.precision == 'int8'
    if is_int8 and job.calibration is None:
        raise BadValue('convert: int8 needs images to calibrate on: --images FOLDER')
    target = orders.target or _own_chip()
    python = _python(orders.python)
    model, notes = _prepared(job)
    picture = Picture.of(model)
    if is_int8 and picture is None:
        raise Unsupported(
            'convert: int8 is calibrated on images here, and the model has not one image input '
            '[1, 3, height, width] alone; choose --precision fp16')
    scaling = Scaling.of(job, orders.mean, orders.std)
    checks = sample(job, picture, scaling) if orders.check and picture else []
    order = _order(job, orders, model, scaling if picture else None, checks)
    said = _run(python, {**order, 'target': target}, job, orders.timeout_s)
    made = read_rknn('convert: the result', job.output)
    notes += scaling.notes if picture else ()
    if said.get('in_float'):
        notes.append(f"{len(said['in_float'])} tensors after the last learned layers stay in fp16")
    notes += compare(job, model, scaling, checks) if checks else [
        'not compared with the original: not asked for, or no model of one image']
    words: dict[str, Any] = {'color': scaling.color, 'scale': None, 'mean': None, 'std': None}
    if picture:
        words['size'] = [picture.width, picture.height]
    says = f"for {', '.join(made.targets) or target}"
    if picture:
        says += '; the input takes bytes: scale, mean and std are inside'
    return Converted(
        (job.output,), {'rknn-toolkit2': str(said.get('toolkit', ''))},
        (says, *notes), {'input': {key: word for key, word in words.items() if word != ''}})


def _own_chip() -> str:
    """Return this board's chip: who converts on the board means it."""
    try:
        return find_board().soc
    except Unavailable:
        raise BadValue(
            'convert: for which chip? Say it: --option target=rk3588 (one of '
            f"{', '.join(TARGETS)})") from None


def _python(named: str) -> str:
    """
    Return a Python that has the toolkit.

    :raises Unavailable: the one named, or each that was looked at, has it not.
    """
    if os.sep in named:   # it is started in another folder; links stay: they make it a venv
        named = os.path.abspath(named)
    candidates = [named] if named else [str(SIDE_VENV), sys.executable]
    for candidate in candidates:
        try:
            found = subprocess.run(
                [candidate, '-c', PROBE], timeout=60, check=False, capture_output=True,
                env={**os.environ, **CLEAN})
        except (OSError, subprocess.TimeoutExpired):
            continue
        if found.returncode == 0:
            return candidate
    raise Unavailable(
        f"convert: no rknn-toolkit2 in {' or '.join(candidates)}. {HINT}")


def _prepared(job: ConvertJob) -> tuple[Path, list[str]]:
    """Return the model as the toolkit can read it, and what was changed for that."""
    model = onnx.load(job.model)
    count = replace_dfl(model)
    if not count:
        return job.model, []
    path = job.scratch / 'model.onnx'
    onnx.save(model, path)
    note = (f'{count} convolution that only weighs and sums (the DFL of YOLOv8) became Mul and '
            'ReduceSum, which is the same: toolkit 2.5 fails on it')
    return path, [note]


def _order(
        job: ConvertJob, orders: RknnOrders, model: Path, scaling: Scaling | None,
        checks: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    """Write what the toolkit is to read into the scratch folder; return what it is told."""
    for number, image in enumerate(checks):
        np.save(job.scratch / f'check{number}.npy', image)
    return {
        'model': str(model), 'output': str(job.output),
        'mean': [scaling.mean] if scaling else None, 'std': [scaling.std] if scaling else None,
        'algorithm': orders.algorithm, 'float_tail': orders.tail == 'fp16', 'level': orders.level,
        'dataset': str(_dataset(job, scaling)) if scaling and job.precision == 'int8' else '',
        'checks': [f'check{number}.npy' for number in range(len(checks))]}


def _dataset(job: ConvertJob, scaling: Scaling) -> Path:
    """Write the calibration images as raw values, channels first, and the list of them."""
    assert job.calibration is not None
    listed = []
    for number, tensor in enumerate(job.calibration()):
        path = job.scratch / f'image{number}.npy'
        np.save(path, scaling.raw(tensor).astype(np.float32))
        listed.append(str(path))
    if not listed:
        raise BadValue('convert: --images gives no image, int8 needs some to calibrate on')
    path = job.scratch / 'dataset.txt'
    path.write_text('\n'.join(listed) + '\n')
    return path


def _run(python: str, order: Mapping[str, Any], job: ConvertJob, timeout_s: float
         ) -> dict[str, Any]:
    """Run the toolkit and return what it tells of itself and its result."""
    page = job.scratch / 'order.json'
    page.write_text(json.dumps(order))
    reasons: list[str] = []

    def listen(line: str) -> None:
        rest = line.removeprefix(SAID).partition(' ')[2]
        if line.startswith(SAID + 'step'):
            job.report(*json.loads(rest))
        elif line.startswith(SAID + 'error'):
            reasons.append(rest)
        elif count := _COUNT.match(line):
            job.report(f'toolkit: {count[1]}', int(count[2]), int(count[3]))

    try:
        run_program(
            [python, TOOLKIT, page], folder=job.scratch, timeout_s=timeout_s, environ=CLEAN,
            on_line=listen)
        said: dict[str, Any] = json.loads((job.scratch / 'result.json').read_text())
    except ConvertFailed as error:
        if not reasons:
            raise
        raise ConvertFailed(f'convert: rknn-toolkit2: {reasons[-1]}{_advice(reasons[-1])}. '
                            f"{str(error).partition(': ')[2]}") from error
    except (OSError, ValueError) as error:
        raise ConvertFailed(
            f'convert: {python} ended well and wrote no result ({error}); is it a Python with '
            'rknn-toolkit2?') from error
    return said


def _advice(reason: str) -> str:
    if 'mean' in reason and 'std' in reason:
        return '; say --option mean=... --option std=... for each channel'
    return '; try --option level=2, or another export of the model (opset 12 to 19)'
