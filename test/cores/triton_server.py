# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A real Triton server for tests: its own environment, the loopback, and a certain end."""

from contextlib import closing, suppress
import os
from pathlib import Path
import signal
import socket
import subprocess

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALL_S = 420.0   # 300 MB from the network, 10 s on a good day
START_S = 90.0      # 6 s on two idle cores
CANNOT = 77         # see serve_triton.py


class TritonServer:
    """One server process: started, killed, frozen and started again on the same port."""

    def __init__(self, python, folder, *arguments):
        self.port = free_port()
        self.folder = folder
        self.log = folder / 'server.log'
        self._command = [
            str(python), str(CHECKOUT / 'test' / 'cores' / 'serve_triton.py'), '--with-parent',
            '--folder', str(folder / 'served'), '--port', str(self.port), *arguments]
        self._process = None

    def start(self):
        """Start it, and return when all models are ready."""
        with self.log.open('ab') as log:
            # A session of its own: one signal reaches the server and the stubs of its models.
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True)
        with self.channel() as channel:
            calls = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            for _ in range(int(START_S)):
                with suppress(grpc.RpcError):
                    if calls.ServerReady(
                            service_pb2.ServerReadyRequest(), timeout=1,
                            wait_for_ready=True).ready:
                        return self
                if self._process.poll() is not None:
                    break
        text = self.log.read_text(errors='replace')
        status = self._process.poll()
        self.stop()
        if status == CANNOT:
            pytest.skip(f'no Triton server here: {text.strip()}')
        raise AssertionError(f'the server did not start:\n{text[-3000:]}')

    def signal(self, number):
        """Send a signal to the server and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self):
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self._process.wait(10)

    def stop(self):
        """End it in order, and by force where it does not."""
        if self._process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def uri(self, model, **options):
        """Return the URI of one of its models."""
        text = '&'.join(f'{name}={value}' for name, value in options.items())
        return f'triton.0://127.0.0.1:{self.port}/{model}{"?" if text else ""}{text}'

    def channel(self):
        """Return a plain channel, for what a test asks the server beside the core."""
        return grpc.insecure_channel(f'127.0.0.1:{self.port}', [
            ('grpc.max_reconnect_backoff_ms', 500), ('grpc.initial_reconnect_backoff_ms', 100),
            ('grpc.use_local_subchannel_pool', 1)])

    def ask(self, method, request):
        """Make one call to the server."""
        with self.channel() as channel:
            calls = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            return getattr(calls, method)(request, timeout=10)

    def regions(self):
        """Return the names of the shared-memory regions that the server knows."""
        request = service_pb2.SystemSharedMemoryStatusRequest()
        return {*self.ask('SystemSharedMemoryStatus', request).regions}


def free_port():
    """Return a port of the loopback that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture(scope='session')
def triton_python():
    """Return the Python of the server's environment, or skip the test with the reason."""
    if os.environ.get('FASTER_DEPLOY_TRITON') == '0':
        pytest.skip('FASTER_DEPLOY_TRITON=0 leaves the real Triton server out')
    try:
        made = subprocess.run(
            [str(CHECKOUT / 'scripts' / 'side_venv'), 'triton'], capture_output=True, text=True,
            timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f'the environment of a Triton server was not ready within {INSTALL_S:g} s')
    if made.returncode:
        why = (made.stderr.strip().splitlines() or ['no reason told'])[-1]
        pytest.skip(f'no environment for a Triton server: {why}')
    return Path(made.stdout.strip())


@pytest.fixture(scope='session')
def triton_server(triton_python, tmp_path_factory):
    """Return a running server with all models; the detector only where the data is."""
    data = Path(os.environ.get('FASTER_DEPLOY_DATA', CHECKOUT.parent / 'shared' / 'data'))
    detector = data / 'models' / 'yolox_nano.onnx'
    more = ['--detector', str(detector)] if detector.is_file() else []
    server = TritonServer(triton_python, tmp_path_factory.mktemp('triton'), *more)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def make_server(triton_python, tmp_path):
    """Return a function that starts a small server, for tests that break it."""
    servers = []

    def make(*arguments):
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        servers.append(TritonServer(triton_python, folder, *arguments))
        return servers[-1].start()

    yield make
    for server in servers:
        server.stop()
