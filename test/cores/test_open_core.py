# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of cores opens what it knows and says why it cannot open the rest."""

from concurrent import futures
import subprocess
import sys
from threading import enumerate as enumerate_threads
from threading import Event

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import (
    BaseInferCore,
    Capabilities,
    CORES,
    Device,
    devices,
    LoadedModel,
    open_core,
    UnavailableRuntime,
)
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    Closed,
    InferFailed,
    LoadFailed,
    Unavailable,
    UnknownName,
    Unsupported,
)
from faster_deploy_ros.registry import Entry
import pytest


@pytest.fixture
def extra_row():
    """Add rows to the table of cores, and take them out again."""
    before = dict(CORES.entries)
    yield CORES.add
    CORES._entries.clear()
    CORES._entries.update(before)


class FileOnlyCore(BaseInferCore):
    """A runtime that loads files only and dislikes them all."""

    scheme = 'fileonly'

    @classmethod
    def devices(cls):
        return [Device('fileonly', 0, 'test', Capabilities())]

    def _load(self, source):
        raise OSError('cannot map\nthe file')

    def _infer(self, blobs):
        raise NotImplementedError

    def _unload(self):
        raise AssertionError('nothing was loaded')


def test_an_unknown_runtime_is_refused_with_the_known_ones():
    with refused(UnknownName, "'onxruntime'", 'mock, ncnn, onnxruntime', "mean 'onnxruntime'"):
        open_core('onxruntime.0://m.onnx')


def test_a_missing_package_makes_a_row_unavailable_with_its_remedy(extra_row, monkeypatch):
    monkeypatch.setitem(sys.modules, 'vendorless_core', None)
    extra_row('vendorless', Entry(
        'vendorless_core:Core', needs=('vendorless_core',), hint='pip install vendorless'))
    with refused(Unavailable, 'vendorless_core', 'pip install vendorless'):
        open_core('vendorless.0://m')
    found = {each.scheme: each for each in devices()}
    assert isinstance(found['vendorless'], UnavailableRuntime)
    assert 'pip install vendorless' in str(found['vendorless'])
    assert isinstance(found['mock'], Device)


def test_a_runtime_is_imported_by_its_own_row_only():
    """Also where it is installed: a robot pays for the one that it uses."""
    vendors = {module for entry in CORES.entries.values() for module in entry.needs}
    assert len(vendors) > 6
    code = ('import sys, faster_deploy_ros.cores as cores; '
            'cores.open_core("mock.0://identity").unload(); '
            f'print(*sorted({vendors!r} & set(sys.modules)))')
    done = subprocess.run(
        [sys.executable, '-c', code], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_a_broken_plug_in_does_not_hide_the_other_devices(extra_row):
    extra_row('broken', Entry('faster_deploy_ros.errors:NoSuchClass'))
    found = {each.scheme: each for each in devices()}
    assert 'NoSuchClass' in found['broken'].reason
    assert isinstance(found['mock'], Device)


def test_a_runtime_that_loads_only_files_refuses_bytes(extra_row, tmp_path):
    extra_row('fileonly', Entry(f'{__name__}:FileOnlyCore'))
    with refused(Unsupported, 'fileonly.0', 'not bytes'):
        open_core('fileonly://m', source=b'model')
    model = tmp_path / 'm'
    model.write_text('model')
    with refused(LoadFailed, 'fileonly.0 m', 'cannot map the file'):
        open_core(f'fileonly://{model}')


def test_a_core_that_failed_to_load_can_be_unloaded(tmp_path):
    model = tmp_path / 'm'
    model.write_text('model')
    core = FileOnlyCore(f'fileonly://{model}')
    with pytest.raises(LoadFailed):
        core.load()
    core.unload()


def test_a_seat_for_which_there_is_no_memory_is_refused_and_the_core_still_ends():
    huge = (1 << 20, 1 << 30)   # 4 PiB: more than there are addresses
    with MockCore(specs=[BlobSpec('x', 'f4', huge, True), BlobSpec('y', 'f4', huge, False)]
                  ) as core:
        core.load()
        for _ in range(2):
            with refused(Unavailable, 'mock.0', 'a seat cannot be made', 'Unable to allocate'):
                with core.lease():
                    pass


def test_a_core_refuses_the_uri_of_another_runtime():
    with refused(LoadFailed, 'mock.0://m', "'fileonly'"):
        FileOnlyCore('mock.0://m')


def test_a_core_without_seats_is_refused():
    with refused(BadValue, '0 seats', 'at least 1'):
        open_core('mock.0://identity', seats=0)


def test_a_core_is_loaded_once():
    with open_core('mock.0://identity') as core:
        with refused(LoadFailed, 'loaded already'):
            core.load()


def test_specs_are_sorted_inputs_first_in_the_models_order():
    specs = [BlobSpec(name, 'f4', (1,), name.startswith('i')) for name in ('o1', 'i2', 'i1', 'o0')]
    core = MockCore(specs=specs)
    core.load()
    assert list(core.specs) == ['i2', 'i1', 'o1', 'o0']
    with core, core.lease() as blobs:
        assert [blob.spec.name for blob in blobs.inputs] == ['i2', 'i1']
        assert [blob.spec.name for blob in blobs.outputs] == ['o1', 'o0']
    assert LoadedModel(specs).metadata == {}


def test_every_future_of_a_failing_core_settles_with_one_kind_of_error():
    faults = [ValueError('two\nlines'), KeyboardInterrupt(), BlobMismatch('ours')]

    def script(blobs):
        raise faults.pop(0)

    core = MockCore(script=script, seats=1)
    core.load()
    with core:
        for kind, text in (
                (InferFailed, 'mock.0 identity: the inference failed: two lines'),
                (KeyboardInterrupt, ''), (BlobMismatch, 'ours')):
            with core.lease(0) as blobs:
                error = core.async_infer(blobs).exception(10)
            assert type(error) is kind
            assert str(error) == text


def test_unloading_waits_for_what_runs_asynchronously():
    gate = Event()
    core = MockCore(gate=gate, seats=1)
    core.load()
    leased = Event()

    def job():
        with core.lease() as blobs:
            future = core.async_infer(blobs)
            leased.set()
        return future.result(0)

    with futures.ThreadPoolExecutor(2) as threads:
        running = threads.submit(job)
        assert leased.wait(10)
        unloading = threads.submit(core.unload, 10)
        with pytest.raises(futures.TimeoutError):
            unloading.result(0.02)
        gate.set()
        assert unloading.result(10) is None
        assert running.result(10) is not None
    names = [thread.name for thread in enumerate_threads()]
    assert not any(name.startswith('mock-infer') for name in names)


def test_a_core_says_what_it_is_and_how_its_seats_are():
    core = MockCore('mock.2://identity', seats=3)
    assert repr(core) == (
        '<MockCore mock.2://identity, not loaded>')
    with pytest.raises(Closed, match='not loaded yet'):
        core.lease()
    with pytest.raises(Closed, match='not loaded yet'):
        core.device
    core.load()
    with core, core.lease():
        assert core.seats == 3
        assert repr(core) == (
            '<MockCore mock.2://identity, <BufferPool mock.2 identity: open, '
            '1 of 3 seats made, 1 leased, 0 waiting>>')
