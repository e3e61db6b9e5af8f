# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to a TensorRT engine, for the GPU and the TensorRT of the machine that it is built on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faster_deploy_ros.cores import CORES
from faster_deploy_ros.cores.options import option, read_options
from faster_deploy_ros.cores.tensorrt.options import read_shapes
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from numpy.typing import NDArray


@dataclass(frozen=True)
class TensorRtOrders:
    """What ``--option`` can say to this converter."""

    device: int = option(0, 'which GPU the engine is built on, and for', minimum=0)
    shapes: str = option('', 'the range of an open input: images:1x3x320x320..4x3x640x640')
    plugins: tuple[str, ...] = option((), 'libraries with operators of the model')
    workspace_mb: int = option(0, 'memory that the build may use; 0: all there is', minimum=0)
    tf32: bool = option(False, 'fp32 may be multiplied with 10 bits of mantissa, faster')
    timing_cache: str = option('', 'a file with timings of earlier builds; kept and used again')


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.engine``, a plain serialised engine that trtexec takes as well.

    :raises Unavailable: TensorRT, pycuda or a GPU is missing.
    :raises UnknownName: an option that this converter has not.
    :raises Unsupported: this TensorRT cannot build, or has not this precision.
    :raises LoadFailed: TensorRT cannot read the model, or builds nothing from it.
    """
    orders = read_options(TensorRtOrders, job.options, 'convert --to tensorrt')
    core = CORES.resolve('tensorrt')   # says what is missing, before anything is imported
    gpu = next((each for each in core.devices() if each.index == orders.device), None)
    if gpu is None:
        raise Unavailable(
            f'convert: there is no GPU {orders.device}, expected one of '
            f"{', '.join(map(str, core.devices()))}")
    job.output.write_bytes(_build(job, orders, job.calibration))
    versions = gpu.capabilities.versions
    return Converted(
        (job.output,), versions,
        (f"the engine fits TensorRT {versions['tensorrt']} on {gpu.name}, and nothing else",))


def _build(
        job: ConvertJob, orders: TensorRtOrders,
        calibration: Callable[[], Iterator[NDArray[Any]]] | None) -> bytes:
    """Build with what TensorRT's own core uses; imported only now that it is known to be there."""
    from faster_deploy_ros.cores.cuda_device import context_of
    from faster_deploy_ros.cores.tensorrt.api import load_plugins
    from faster_deploy_ros.cores.tensorrt.build import build_engine, BuildWish
    load_plugins('convert', orders.plugins)
    wish = BuildWish(
        f'convert {job.model.name}', job.model, job.precision, read_shapes(orders.shapes),
        orders.workspace_mb, orders.tf32,
        Path(orders.timing_cache).expanduser() if orders.timing_cache else None, calibration)
    return build_engine(wish, context_of(orders.device), job.report)
