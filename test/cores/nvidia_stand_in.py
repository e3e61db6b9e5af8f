# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Put a robot with NVIDIA GPUs in place of this machine, for one test."""

from contextlib import contextmanager
from importlib import import_module
import json
from pathlib import Path
import sys

import fake_pycuda
import fake_tensorrt
from faster_deploy_ros import cores
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.tensorrt.engine_cache import unwrap
import pytest

CORES = 'faster_deploy_ros.cores'
FOLDER = Path(cores.__file__).parent
# What imports the vendors, and so must be imported anew for each stand-in.
OURS = ('cuda_device', 'cuda_memory', 'tensorrt.api', 'tensorrt.hooks', 'tensorrt.build',
        'tensorrt.seat', 'tensorrt_core')


class Robot:
    """The stand-ins of one test, and our modules as they see them."""

    def __init__(self, machine, trt):
        self.machine = machine
        self.trt = trt

    def __getattr__(self, name):
        """Return a module of ours: ``robot.cuda_memory``, ``robot.tensorrt_build``."""
        folder, _, part = name.partition('_')
        if (FOLDER / folder / f'{part}.py').is_file():
            name = f'{folder}.{part}'
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
        for name in (*ours, *vendors):
            sys.modules.pop(name, None)
            if kept[name] is not None:
                sys.modules[name] = kept[name]


def saved_engine(folder, model, options='', **header):
    """Build an engine on the stand-in and write it as trtexec would, with other facts in it."""
    options = f'{options}&' if options else ''
    with open_core(f'tensorrt://{model}?{options}engine_cache_dir={folder}'):
        pass
    kept, = folder.glob('*.engine')
    head, _, rest = unwrap('', kept.read_bytes())[1].partition(b'\n')
    kept.unlink()
    path = folder / 'made_by_hand.engine'
    path.write_bytes(
        b'ftrt' + json.dumps({**json.loads(head[4:]), **header}).encode() + b'\n' + rest)
    return path


def fixtures():
    """
    Return the fixtures ``cache``, ``each_version`` and ``stand_in`` for a module's own names.

    The user's cache is an empty folder; and what a test leaves on the device fails it, also what
    only the garbage collector would find.
    """
    @pytest.fixture(autouse=True)
    def cache(tmp_path, monkeypatch):
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
        return tmp_path / 'cache' / 'faster_deploy_ros' / 'engines'

    @pytest.fixture(params=fake_tensorrt.VERSIONS)
    def each_version(request):
        with robot(request.param) as made:
            yield made
            made.machine.assert_clean()

    @pytest.fixture
    def stand_in():
        with robot('10.3.0') as made:
            yield made
            made.machine.assert_clean()

    return cache, each_version, stand_in


def opens(uri, **how):
    """Open, run once and close; return the core for a look."""
    with open_core(uri, **how) as core, core.lease() as blobs:
        for blob in blobs.inputs:
            if not blob.is_shaped:
                blob.reshape(blob.spec.max_shape)
            blob.data[...] = 1
        core.sync_infer(blobs)
        return core


class DeviceArray:
    """An array of another library on the device."""

    def __init__(self, machine, array, *, read_only=False, stream=None, device=0):
        self.pointer = machine.allocate(array.nbytes, device)
        self.machine = machine
        self.bytes = machine.view(self.pointer, array.nbytes)
        self.array = self.bytes.view(array.dtype).reshape(array.shape)
        self.array[...] = array
        self.__cuda_array_interface__ = {
            'data': (self.pointer, read_only), 'shape': array.shape, 'strides': None,
            'typestr': array.dtype.str, 'version': 3, 'stream': stream}

    def free(self):
        del self.machine.blocks[self.pointer]
