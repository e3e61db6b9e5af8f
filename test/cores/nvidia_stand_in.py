# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Put a robot with NVIDIA GPUs in place of this machine, for one test."""

from contextlib import contextmanager
import gc
from importlib import import_module
import sys

import fake_pycuda
import fake_tensorrt

CORES = 'faster_deploy_ros.cores'
# What imports the vendors, and so must be imported anew for each stand-in.
OURS = ('cuda_device', 'cuda_memory', 'tensorrt_api', 'tensorrt_hooks', 'tensorrt_build',
        'tensorrt_seat', 'tensorrt_core')


class Robot:
    """The stand-ins of one test, and our modules as they see them."""

    def __init__(self, machine, trt):
        self.machine = machine
        self.trt = trt

    def __getattr__(self, name):
        """Return a module of ours: ``robot.cuda_memory``."""
        return import_module(f'{CORES}.{name}')


@contextmanager
def robot(version='10.3.0', *, machine=None, lean=False, missing=()):
    """
    Import our TensorRT files on the stand-ins of one version, and put all back afterwards.

    :param missing: modules that are not installed.
    """
    machine = machine or fake_pycuda.Machine()
    trt = fake_tensorrt.module(machine, version, lean=lean)
    vendors = {**fake_pycuda.modules(machine), 'tensorrt': trt}
    vendors.update(dict.fromkeys(missing))
    ours = [f'{CORES}.{name}' for name in OURS]
    kept = {name: sys.modules.pop(name, None) for name in (*ours, *vendors)}
    sys.modules.update(vendors)
    try:
        yield Robot(machine, trt)
    finally:
        gc.collect()
        for name in (*ours, *vendors):
            sys.modules.pop(name, None)
            if kept[name] is not None:
                sys.modules[name] = kept[name]
