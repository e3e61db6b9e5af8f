# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Several cores as one keep the promises of one, and only of one model."""


from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import contract as contract_module
from faster_deploy_ros.cores import CoreGroup, open_group
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    Closed,
    LoadFailed,
    UnknownName,
)
from group_cores import PATIENT
import numpy as np
import pytest


class GroupContract(CoreContract):
    """A group of two promises what one core does."""

    @pytest.fixture(autouse=True)
    def a_group_instead_of_a_core(self, monkeypatch):
        def open_two(uri, *, source=None, seats=2):
            assert source is None
            return open_group([uri, uri], seats=max(1, seats // 2), policy='throughput',
                              rules=PATIENT)

        monkeypatch.setattr(contract_module, 'open_core', open_two)

    @pytest.fixture
    def identity_bytes(self):
        return None

    def test_unloading_twice_is_once_and_everything_is_closed_afterwards(self, identity):
        group = open_group([identity, identity])
        with group.lease() as blobs:
            group.sync_infer(blobs)
        group.unload()
        group.unload()
        with refused(Closed), group.lease():
            pass
        with refused(Closed):
            group.sync_infer(blobs)


class TestGroupOfMocks(GroupContract):
    """Two simulated cores."""

    @pytest.fixture
    def identity(self):
        return 'mock.1://identity?shape=1,3,4,5&devices=4'

    @pytest.fixture
    def dynamic_identity(self):
        return 'mock.0://identity?shape=-1,3,-1,-1'

    @pytest.fixture
    def failing(self):
        return 'mock.0://identity?fail_every=1'


@pytest.mark.core
class TestGroupOfOnnxRuntimes(GroupContract):
    """Two real sessions."""

    @pytest.fixture(autouse=True)
    def needs_the_runtime(self):
        pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

    @pytest.fixture
    def identity(self, tiny_models):
        return f"onnxruntime.0://{tiny_models('identity')}"

    @pytest.fixture
    def dynamic_identity(self, tiny_models):
        return f"onnxruntime.0://{tiny_models('dynamic_identity')}"

    @pytest.fixture
    def failing(self, tiny_models):
        return f"onnxruntime.0://{tiny_models('gather')}"


def mock_with(names, layout='', shape=(1, 3, 4, 5), dtype='float32', output=(1, 2), device=0):
    """Return a loaded core whose output counts in what its input is filled with."""
    x, y = names
    kind = np.dtype(dtype)
    specs = [BlobSpec(x, kind, shape, True, layout),
             BlobSpec(y, np.dtype('float32'), output, False)]
    core = MockCore(f'mock.{device}://identity', specs=specs, seats=1, script=lambda blobs: (
        blobs[y].data.fill(blobs[x].data.flat[0])))
    core.load()
    return core


def test_a_seat_answers_to_the_first_cores_names():
    with CoreGroup([mock_with(('images', 'output')), mock_with(('x', 'y'), device=1)],
                   policy='throughput') as group:
        assert list(group.specs) == ['images', 'output']
        with group.lease() as one, group.lease() as two:
            assert {one.owner, two.owner} == set(group.cores)
            for number, blobs in enumerate((one, two)):
                blobs['images'].data[...] = number + 1
                group.sync_infer(blobs)
                assert blobs['output'].data.tolist() == [[number + 1, number + 1]]
            assert list(two) == ['x', 'y'], 'it keeps its own names'
            assert 'images' in two
            assert two['images'] is two['x']
            with refused(BlobMismatch, 'nonsense', "'x'"):
                two['nonsense']


def test_the_inputs_may_differ_in_layout_and_between_floats_and_bytes():
    first = mock_with(('x', 'y'), 'NCHW', (1, 3, 8, 16))
    other = mock_with(('x', 'y'), 'NHWC', (1, 8, 16, 3), 'uint8')
    with CoreGroup([first, other], policy='throughput') as group:
        with group.lease() as one, group.lease() as two:
            assert [blobs['x'].spec.layout for blobs in (one, two)] == ['NCHW', 'NHWC']
            assert two['x'].spec.dtype == np.uint8
        assert group.specs['x'].layout == 'NCHW'


@pytest.mark.parametrize(('other', 'words'), [
    ({'shape': (1, 3, 4, 6)}, ('[1, 3, 4, 5]', '[1, 3, 4, 6]')),
    ({'output': (1, 3)}, ('[1, 2]', '[1, 3]')),
    ({'dtype': 'float64'}, ('float32', 'float64')),
    ({'shape': (1, 4, 6, 3), 'layout': 'NHWC'}, ('[1, 4, 6, 3] NHWC',)),
], ids=['input shape', 'output shape', 'dtype', 'input size in another layout'])
def test_cores_that_do_not_run_one_model_are_refused_with_both_named(other, words):
    cores = [mock_with(('x', 'y')), mock_with(('x', 'y'), device=1, **other)]
    with refused(BlobMismatch, 'mock.0://', 'mock.1://', *words):
        CoreGroup(cores)


def test_another_number_of_tensors_is_refused():
    with refused(BlobMismatch, "'mock.0://identity'", '1 outputs', '0'):
        CoreGroup([mock_with(('x', 'y')), _blind()])


def _blind():
    core = MockCore('mock.1://identity', specs=[
        BlobSpec('x', np.dtype('float32'), (1, 3, 4, 5), True)], script=lambda blobs: None)
    core.load()
    return core


def test_crossed_names_are_refused():
    with refused(BlobMismatch, "'b'", 'rename'):
        CoreGroup([mock_with(('a', 'b')), mock_with(('b', 'c'))])


def test_a_wrong_policy_and_no_core_are_refused():
    with refused(UnknownName, 'fastest', 'latency', 'throughput'):
        open_group(['mock.0://identity'], policy='fastest')
    with refused(BadValue):
        open_group([])


def test_when_one_model_cannot_be_opened_none_stays_loaded(monkeypatch):
    unloaded = []
    monkeypatch.setattr(MockCore, '_unload', lambda self: unloaded.append(self.uri.device))
    with refused((LoadFailed, UnknownName), 'no_such_model'):
        open_group(['mock.0://identity', 'mock.1://identity', 'mock.2://no_such_model'])
    assert unloaded == [1, 0]
