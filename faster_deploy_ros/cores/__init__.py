# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runtimes behind one door: a table of cores, one file for each; never an image."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
import os

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device, UnavailableRuntime
from faster_deploy_ros.cores.group.core_group import CoreGroup
from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.cores.infer_core import InferCore
from faster_deploy_ros.cores.source import LoadedModel
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.registry import Entry, Registry

__all__ = [
    'CORES', 'BaseInferCore', 'BlobSpec', 'BlobsBuffer', 'Capabilities', 'CoreGroup', 'Device',
    'InferCore', 'LoadedModel', 'ModelUri', 'UnavailableRuntime', 'devices', 'open_core',
    'open_group']

_ROWS: Mapping[str, Entry] = {
    'mnn': Entry(
        'faster_deploy_ros.cores.mnn_core:MnnCore', needs=('MNN',),
        hint='Install it: pip install MNN.'),
    'mock': Entry('faster_deploy_ros.cores.mock_core:MockCore'),
    'ncnn': Entry(
        'faster_deploy_ros.cores.ncnn_core:NcnnCore', needs=('ncnn',),
        hint='Install it: pip install ncnn.'),
    'onnxruntime': Entry(
        'faster_deploy_ros.cores.onnxruntime_core:OnnxRuntimeCore', needs=('onnxruntime',),
        hint='Install it: pip install onnxruntime (or onnxruntime-gpu).'),
    'openvino': Entry(
        'faster_deploy_ros.cores.openvino_core:OpenVinoCore', needs=('openvino',),
        hint='Install it: pip install openvino.'),
    'rknn': Entry(
        'faster_deploy_ros.cores.rknn_core:RknnCore', needs=('rknnlite',),
        hint="It runs on Rockchip boards: install rknn-toolkit-lite2 and the board's librknnrt."),
    'tensorrt': Entry(
        'faster_deploy_ros.cores.tensorrt_core:TensorRtCore',
        needs=('tensorrt', 'pycuda', '_driver'),   # pycuda's, which wants libcuda
        hint='It needs an NVIDIA GPU: TensorRT from JetPack or NVIDIA, and pip install pycuda.'),
    'triton': Entry(
        'faster_deploy_ros.cores.triton_core:TritonCore', needs=('tritonclient', 'grpc'),
        hint="Install its client: pip install 'tritonclient[grpc]'."),
}

CORES: Registry[BaseInferCore] = Registry('runtime', 'faster_deploy_ros.cores', _ROWS)


def open_core(
        uri: str | os.PathLike[str] | ModelUri, *, source: bytes | None = None,
        seats: int = 2) -> InferCore:
    """
    Load a model and return the core that runs it.

    :param uri: ``'onnxruntime.0:///m.onnx?threads=2'``, or a plain path.
    :param source: the model itself; then the URI's path is only its name.
    :param seats: how many inferences may be prepared or run at once; one per worker.
    :raises UnknownName: no such runtime or option.
    :raises BadValue: the URI or an option cannot be read.
    :raises Unavailable: the runtime or the device is missing on this machine.
    :raises LoadFailed: the model is missing, corrupt or not one for this runtime.
    """
    parsed = ModelUri.parse(uri)
    core = CORES.resolve(parsed.scheme)(parsed, seats=seats)
    core.load(source)
    return core


def open_group(
        uris: Sequence[str | os.PathLike[str] | ModelUri], *, seats: int = 2,
        policy: str = 'latency', rules: HealthRules | None = None) -> CoreGroup:
    """
    Load the same model on several runtimes or devices and return them as one core.

    :param uris: one for each core; the first one's tensors and metadata speak for all.
    :param seats: of each core.
    :param policy: ``'latency'``: a slow core serves a frame only where that is sooner than
        waiting for a faster one; ``'throughput'``: no core idles.
    :param rules: when a core is taken out, and how it is probed.
    :raises FasterDeployError: as ``open_core``; none stays loaded.
    :raises BlobMismatch: two of them are not the same model.
    """
    reopen = [partial(open_core, uri, seats=seats) for uri in uris]
    with ExitStack() as undo:
        cores = []
        for open_one in reopen:
            cores.append(open_one())
            undo.callback(cores[-1].unload)
        group = CoreGroup(cores, policy=policy, reopen=reopen, rules=rules)
        undo.pop_all()
        return group


def devices() -> list[Device | UnavailableRuntime]:
    """List what this machine can run models on, and why not on the rest; never raises."""
    found: list[Device | UnavailableRuntime] = []
    for scheme in CORES:
        try:
            found += CORES.resolve(scheme).devices()
        except FasterDeployError as error:
            found.append(UnavailableRuntime(scheme, str(error)))
        except Exception as error:  # a broken driver or plug-in must not hide the others
            found.append(UnavailableRuntime(scheme, f'{type(error).__name__}: {error}'))
    return found
