# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Any KServe v2 server will do: the contract, and what is said of it, on one of our own."""

import logging
import socket
import threading
from time import monotonic

from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import (
    BadValue,
    LoadFailed,
    Unavailable,
    Unsupported,
)
import numpy as np
import pytest

pytest.importorskip('tritonclient', reason="needs the package 'tritonclient[grpc]'")
pytest.importorskip('grpc', reason='needs the package grpcio')

import grpc
from kserve_stand_in import StandIn
from triton_checks import WITHIN_S
from tritonclient.grpc import model_config_pb2, service_pb2

pytest_plugins = ['kserve_fixtures']
pytestmark = pytest.mark.core


class WithModels:
    """The models of the contract, on the server of the fixture ``where``."""

    options = {}

    @pytest.fixture
    def identity(self, where):
        return where.uri('identity', **self.options)

    @pytest.fixture
    def dynamic_identity(self, where):
        return where.uri('dynamic_identity', **self.options)

    @pytest.fixture
    def identity_bytes(self):
        return b'a model'

    @pytest.fixture
    def failing(self, where):
        return where.uri('failing', **self.options)


class TestWireContract(WithModels, CoreContract):
    """Over the wire, any KServe v2 server keeps the promises of all cores."""

    options = {'shared_memory': 'off'}

    @pytest.fixture
    def where(self, server):
        return server


class TestSharedMemoryContract(WithModels, CoreContract):
    """Through shared memory, a server that has it keeps them too."""

    options = {'shared_memory': 'on'}

    @pytest.fixture
    def where(self, sharing_server):
        return sharing_server


class TestTypedContract(WithModels, CoreContract):
    """A server that answers with numbers in place of raw bytes is understood."""

    options = {'shared_memory': 'off'}

    @pytest.fixture
    def where(self, server):
        server.typed = True
        return server


def test_the_client_is_a_device_before_any_server_is_known():
    found = [device for device in devices() if device.scheme == 'triton']
    assert [str(device) for device in found] == ['triton.0 (client of KServe v2 servers)']
    assert {*found[0].capabilities.versions} == {'tritonclient', 'grpc'}


def test_the_device_of_an_open_core_names_the_server_and_the_way_of_the_tensors(
        server, sharing_server):
    with open_core(server.uri('identity', shared_memory='off')) as core:
        assert core.device.name == f'stand-in 1.0 at 127.0.0.1:{server.port}, wire'
        assert core.device.capabilities.versions['stand-in'] == '1.0'
    with open_core(sharing_server.uri('identity')) as core:
        assert core.device.name.endswith('shared memory')


def test_going_over_the_wire_for_want_of_shared_memory_is_said_once_with_the_reason(
        server, caplog):
    with caplog.at_level(logging.WARNING):
        with open_core(server.uri('identity')) as core:
            for _ in range(3):
                with core.lease() as blobs:
                    core.sync_infer(blobs)
            assert core.device.name.endswith('wire')
    said, = [record.message for record in caplog.records if 'wire' in record.message]
    assert said == (
        f'triton.0 identity: the tensors go over the wire to 127.0.0.1:{server.port}, not through '
        'shared memory: the server does not have the extension system_shared_memory. '
        'shared_memory=off says the same and is silent')


def test_shared_memory_on_demand_is_refused_where_it_is_impossible(server):
    with refused(Unavailable, 'shared memory', 'system_shared_memory', 'shared_memory=off'):
        open_core(server.uri('identity', shared_memory='on'))


def test_a_server_that_promises_shared_memory_and_cannot_is_found_out(sharing_server, caplog):
    def cannot(request, context):
        context.abort(grpc.StatusCode.INTERNAL, 'Unable to open shared memory region')

    sharing_server.SystemSharedMemoryRegister = cannot
    with refused(Unavailable, 'Unable to open', 'docker'):
        open_core(sharing_server.uri('identity', shared_memory='on'))
    with open_core(sharing_server.uri('identity')) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        assert core.device.name.endswith('wire')
    assert 'Unable to open' in caplog.text


@pytest.mark.parametrize(('path', 'words'), [
    ('/yolo', ["'/yolo'", 'host:port/model']),
    ('localhost:8001', ["'localhost:8001'", 'host:port/model']),
    ('localhost:8001/', ["'localhost:8001/'"]),
    ('localhost:99999/yolo', ["'localhost:99999/yolo'"]),
    ('::1:8001/yolo', ['brackets']),
    ('host:8001/a/b', ["'host:8001/a/b'"]),
])
def test_a_path_that_is_no_host_and_model_is_refused(path, words):
    with refused(LoadFailed, *words):
        open_core(f'triton.0://{path}')


def test_an_address_in_brackets_and_a_missing_port_are_understood():
    from faster_deploy_ros.cores.triton.link import Address
    assert Address.parse('t', '[::1]:9000/yolo').server == '[::1]:9000'
    assert Address.parse('t', '[fe80::1%eth0]/yolo').server == '[fe80::1%eth0]:8001'
    assert Address.parse('t', 'big-box.local/yolo') == Address('big-box.local', 8001, 'yolo')


@pytest.mark.parametrize(('option', 'error'), [
    ('timeout_s=0', BadValue), ('shared_memory=maybe', BadValue), ('retries=-1', BadValue),
    ('token=env:NO_SUCH_VARIABLE_HERE', Unavailable), ('token=%0A', BadValue),
    ('tls=1&tls_ca=/no/such/file.pem', Unavailable)])
def test_an_option_that_cannot_be_is_refused(option, error):
    with refused(error, option.split('&')[-1].split('=')[0]):
        open_core(f'triton.0://127.0.0.1:1/yolo?{option}')


@pytest.mark.parametrize(('options', 'header'), [
    ({}, 'triton-access-token'), ({'token_header': 'robots'}, 'robots')])
def test_a_token_goes_under_the_header_that_the_server_asks_for(server, options, header):
    with open_core(server.uri('identity', token='open', **options)):
        assert server.said[f'triton-grpc-protocol-{header}'] == 'open'
    with open_core(server.uri('identity', **options)):
        assert not [name for name in server.said if name.startswith('triton-grpc-protocol')]


def test_a_server_that_is_not_there_is_told_with_the_reason():
    began = monotonic()
    with refused(Unavailable, '127.0.0.1:1 ', 'refused', 'connect_timeout_s=0.3'):
        open_core('triton.0://127.0.0.1:1/yolo?connect_timeout_s=0.3')
    with refused(Unavailable, 'no-such-host.invalid'):
        open_core('triton.0://no-such-host.invalid/yolo?connect_timeout_s=0.3')
    assert monotonic() - began < WITHIN_S


def test_a_server_that_starts_a_little_later_is_waited_for(server):
    server.stop()
    late = threading.Timer(0.5, server.start)
    late.start()
    with open_core(server.uri('identity', connect_timeout_s=WITHIN_S, shared_memory='off')):
        late.join()


def test_something_that_listens_and_never_answers_is_given_up():
    with socket.create_server(('127.0.0.1', 0)) as mute:
        port = mute.getsockname()[1]
        with refused(Unavailable, str(port)):
            open_core(f'triton.0://127.0.0.1:{port}/yolo?connect_timeout_s=0.3')


def test_a_server_of_another_kind_is_no_kserve_server(server):
    def unknown(request, context):
        context.abort(grpc.StatusCode.UNIMPLEMENTED, 'Method not found!')

    server.ServerMetadata = unknown
    with refused(LoadFailed, 'no KServe v2 server', 'Method not found'):
        open_core(server.uri('identity'))


def test_texts_are_refused_by_their_type(server):
    with refused(Unsupported, "input 'x'", 'BYTES', 'FP32'):
        open_core(server.uri('words'))


@pytest.mark.parametrize('typed', [False, True])
@pytest.mark.parametrize('shared_memory', ['on', 'off'])
@pytest.mark.parametrize(('model', 'values'), [
    ('bytes', [0, 1, 127, 255]), ('halves', [0.5, -2, 1e-7, 65504]),
    ('flags', [True, False, True, True]), ('counts', [0, -1, 2 ** 62, 7]), ('scalar', 2.5)])
def test_every_dtype_goes_through_unchanged(
        sharing_server, model, values, typed, shared_memory):
    sharing_server.typed = typed
    uri = sharing_server.uri(model, shared_memory=shared_memory)
    with open_core(uri) as core, core.lease() as blobs:
        x = blobs['x']
        x.data[...] = np.array(values, x.dtype)
        core.sync_infer(blobs)
        assert blobs['y'].dtype == x.dtype
        assert np.array_equal(blobs['y'].data, x.data)


def test_what_the_protocol_cannot_carry_is_refused_at_the_door(server):
    with refused(Unsupported, "named 'x'"):
        open_core(server.uri('twins'))
    server.config = model_config_pb2.ModelConfig()
    server.config.model_transaction_policy.decoupled = True
    with refused(Unsupported, 'decoupled'):
        open_core(server.uri('identity'))
    server.config = model_config_pb2.ModelConfig()
    server.config.sequence_batching.max_sequence_idle_microseconds = 1
    with refused(Unsupported, 'sequence'):
        open_core(server.uri('identity'))


def test_the_layout_is_the_one_that_the_configuration_says(server):
    for form, layout in (('NCHW', 'NCHW'), ('NHWC', 'NHWC'), ('NONE', 'NCHW')):
        server.config = model_config_pb2.ModelConfig()
        server.config.input.add(name='x', format=f'FORMAT_{form}')
        with open_core(server.uri('square', shared_memory='off')) as core:
            assert core.specs['x'].layout == layout


def test_a_model_that_is_missing_is_told_where_no_list_can_be_had(server):
    with refused(LoadFailed, "'yolo'", 'model yolo is unknown', 'list of models cannot be had'):
        open_core(server.uri('yolo'))


def test_a_model_that_is_not_ready_is_not_opened(server):
    server.ModelReady = lambda request, context: service_pb2.ModelReadyResponse(ready=False)
    with refused(LoadFailed, "'identity'", 'not ready'):
        open_core(server.uri('identity'))


def test_seats_that_shared_memory_has_no_room_for_go_over_the_wire(
        sharing_server, monkeypatch, caplog):
    monkeypatch.setattr('faster_deploy_ros.cores.triton_core.free_bytes', lambda folder: 959)
    with open_core(sharing_server.uri('identity'), seats=2) as core:   # 2 seats of 2 x 240
        assert core.device.name.endswith('wire')
    assert '960 bytes are needed' in caplog.text


def test_a_server_is_reached_by_ipv6():
    try:
        with socket.create_server(('::1', 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip('this machine has no IPv6')
    stand_in = StandIn(host='[::1]').start()
    try:
        with open_core(stand_in.uri('identity', shared_memory='off')) as core:
            assert f'[::1]:{stand_in.port}' in core.device.name
            with core.lease() as blobs:
                core.sync_infer(blobs)
    finally:
        stand_in.stop()
