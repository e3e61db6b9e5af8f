# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The connection to one KServe v2 server: calls with a deadline, errors with a meaning."""

from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
import os
from pathlib import Path
import re
import threading
from typing import Any

from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.cores.triton.memory import FOLDER, PREFIX, Region
from faster_deploy_ros.errors import BadValue, LoadFailed, Unavailable
import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

PORT = 8001
VERSIONS = {'tritonclient': version('tritonclient'), 'grpc': grpc.__version__}
ADDRESS = re.compile(
    r'(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[\w.-]+)(?::(?P<port>\d{1,5}))?/(?P<model>[^/]+)')
TOKEN_HEADER = 'triton-grpc-protocol-{}'  # the server prefixes the header that it asks for
# Codes after which nobody knows whether the server still works on the request.
UNANSWERED = {
    grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN}


@dataclass(frozen=True)
class Address:
    """Which model on which server: ``host:8001/model``."""

    host: str
    port: int
    model: str

    @classmethod
    def parse(cls, title: str, path: str) -> 'Address':
        """
        Read the path of a ``triton`` URI.

        :raises LoadFailed: it is not a host, perhaps a port, and a model.
        """
        found = ADDRESS.fullmatch(path)
        port = int(found['port'] or PORT) if found else 0
        if found is None or not 0 < port < 65536:
            raise LoadFailed(
                f"{title}: got '{path}', expected host:port/model, as in triton.0://localhost:"
                f'{PORT}/yolo (an IPv6 address in brackets: [::1]:{PORT})')
        return cls(found['host'], port, found['model'])

    @property
    def server(self) -> str:
        """What gRPC connects to."""
        return f'{self.host}:{self.port}'


class ServerError(Exception):
    """A call that failed; its text is the server's, or gRPC's, in one line."""

    def __init__(self, error: grpc.RpcError) -> None:
        """Keep what matters of gRPC's error."""
        code = error.code()
        super().__init__(one_line(Exception(error.details() or code.name)))
        self.is_late = code is grpc.StatusCode.DEADLINE_EXCEEDED
        self.is_lost = code is grpc.StatusCode.UNAVAILABLE
        self.is_unanswered = code in UNANSWERED
        self.is_missing = code is grpc.StatusCode.NOT_FOUND
        self.is_there_already = code is grpc.StatusCode.ALREADY_EXISTS
        self.is_unknown_call = code is grpc.StatusCode.UNIMPLEMENTED


class _Connection:
    """One channel, and how many calls are under way on it."""

    def __init__(self, target: str, credentials: Any, connect_timeout_s: float) -> None:
        options = [
            ('grpc.max_send_message_length', -1), ('grpc.max_receive_message_length', -1),
            # A server that is back is found within a second; gRPC would wait up to two minutes.
            ('grpc.initial_reconnect_backoff_ms', 100), ('grpc.max_reconnect_backoff_ms', 1000),
            ('grpc.min_reconnect_backoff_ms', max(100, int(connect_timeout_s * 1e3))),
            # A new channel is a new connection; gRPC would share the one that hangs.
            ('grpc.use_local_subchannel_pool', 1)]
        self.channel = (
            grpc.insecure_channel(target, options) if credentials is None
            else grpc.secure_channel(target, credentials, options))
        self.calls = service_pb2_grpc.GRPCInferenceServiceStub(self.channel)
        # Requests come as bytes: their unchanging part is made once for a seat.
        self.infer = self.channel.unary_unary(
            '/inference.GRPCInferenceService/ModelInfer', request_serializer=None,
            response_deserializer=service_pb2.ModelInferResponse.FromString)
        self.users = 0
        self.is_old = False


class Link:
    """
    A connection that mends itself; safe for any number of threads.

    A call that ran out of time may be on a connection that is dead and does not know it (a
    cable, a router that forgot): the calls after it go over a new one.

    :param tls_ca: a PEM file with the certificates to trust, ``''`` for the system's.
    :raises Unavailable: that file cannot be read.
    """

    def __init__(
            self, target: str, *, connect_timeout_s: float, tls: bool = False, tls_ca: str = '',
            token: str = '', token_header: str = '') -> None:
        """Make the channel; it connects when it is first used."""
        self._target = target
        self._connect_timeout_s = connect_timeout_s
        self._metadata = _token(token, token_header)
        self._credentials = _credentials(tls_ca) if tls else None
        self._lock = threading.Lock()
        self._connection = self._connect()

    def greet(self) -> Any:
        """
        Wait until the server answers, and return its metadata: name, version, extensions.

        :raises ServerError: it does not in time; the text is the last reason.
        """
        request = service_pb2.ServerMetadataRequest()
        try:
            return self.call(
                'ServerMetadata', request, self._connect_timeout_s, wait_for_ready=True)
        except ServerError as error:
            if not error.is_late:
                raise
        # Who waits is not told why: asked without waiting, gRPC says what the matter is.
        return self.call('ServerMetadata', request, min(1.0, self._connect_timeout_s))

    def call(self, method: str, request: Any, timeout_s: float, **how: Any) -> Any:
        """
        Make one small call.

        :raises ServerError: the server refuses, or does not answer in time.
        """
        with self._use() as connection:
            return getattr(connection.calls, method)(
                request, timeout=timeout_s, metadata=self._metadata, **how)

    def infer(self, message: bytes, timeout_s: float) -> Any:
        """
        Send a request, already as bytes, and return the server's ``ModelInferResponse``.

        :raises ServerError: the server refuses, or does not answer in time.
        """
        with self._use() as connection:
            return connection.infer(message, timeout=timeout_s, metadata=self._metadata)

    def infer_later(
            self, message: bytes, timeout_s: float,
            done: Callable[[Any, ServerError | None], None]) -> None:
        """Send a request; ``done`` is called with the response or the error, by gRPC's thread."""
        connection = self._take()

        def ended(call: Any) -> None:
            response, error = None, None
            try:
                response = call.result()
            except grpc.RpcError as found:
                error = ServerError(found)
            except grpc.FutureCancelledError:  # the channel was closed under the call
                error = ServerError(call)
            self._give(connection, error)
            done(response, error)

        try:
            call = connection.infer.future(
                message, timeout=timeout_s, metadata=self._metadata)
        except BaseException:
            self._give(connection, None)
            raise
        call.add_done_callback(ended)

    def register(self, region: Region, timeout_s: float) -> None:
        """
        Let the server map a region.

        :raises ServerError: it cannot: another machine, another user, a token that is wrong.
        """
        region.is_offered = True
        try:
            self.call('SystemSharedMemoryRegister', service_pb2.SystemSharedMemoryRegisterRequest(
                name=region.name, key=region.key, byte_size=region.nbytes), timeout_s)
        except ServerError as error:
            if not error.is_there_already:  # names are unique: an earlier answer was lost
                raise
        region.is_registered = True

    def unregister(self, name: str, timeout_s: float) -> None:
        """
        Let the server unmap a region; one that it does not know is no error.

        :raises ServerError: a request still uses it, or the server does not answer.
        """
        assert name, 'an empty name would unregister the regions of all clients'
        try:
            self.call(
                'SystemSharedMemoryUnregister',
                service_pb2.SystemSharedMemoryUnregisterRequest(name=name), timeout_s)
        except ServerError as error:
            if not error.is_missing:
                raise

    def unregister_leftovers(self, timeout_s: float) -> None:
        """
        Unregister what clients of our kind left behind when they were killed.

        A region whose file is gone belongs to nobody: we unlink after the last use only.
        """
        with suppress(ServerError):
            status = self.call(
                'SystemSharedMemoryStatus', service_pb2.SystemSharedMemoryStatusRequest(),
                timeout_s)
            for name, region in status.regions.items():
                if name.startswith(PREFIX) and not (FOLDER / region.key.lstrip('/')).exists():
                    with suppress(ServerError):
                        self.unregister(name, timeout_s)

    def close(self) -> None:
        """Close the connection; calls that are under way fail."""
        self._connection.channel.close()

    # -- inside ------------------------------------------------------------------------------

    def _connect(self) -> _Connection:
        return _Connection(self._target, self._credentials, self._connect_timeout_s)

    @contextmanager
    def _use(self) -> Any:
        """Lend the connection to one call, and read its error."""
        connection, error = self._take(), None
        try:
            yield connection
        except grpc.RpcError as found:
            error = ServerError(found)
            raise error from None
        finally:
            self._give(connection, error)

    def _take(self) -> _Connection:
        with self._lock:
            self._connection.users += 1
            return self._connection

    def _give(self, connection: _Connection, error: ServerError | None) -> None:
        """End a call: after a time-out the next ones use a new connection."""
        with self._lock:
            connection.users -= 1
            if error is not None and error.is_late and connection is self._connection:
                connection.is_old = True
                self._connection = self._connect()
            must_close = connection.is_old and not connection.users
        if must_close:
            connection.channel.close()


def _token(token: str, header: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of each call; ``env:NAME`` is a token from the environment."""
    if token.startswith('env:'):
        name = token.removeprefix('env:')
        if name not in os.environ:
            raise Unavailable(
                f"triton: option token: the environment has no variable '{name}'; export it")
        token = os.environ[name]
    if not token.isascii() or not token.isprintable():
        raise BadValue('triton: option token: expected printable ASCII characters')
    return ((TOKEN_HEADER.format(header), token),) if token else ()


def _credentials(tls_ca: str) -> Any:
    try:
        return grpc.ssl_channel_credentials(Path(tls_ca).read_bytes() if tls_ca else None)
    except OSError as error:
        raise Unavailable(
            f"triton: option tls_ca: '{tls_ca}' cannot be read: {error.strerror}") from error
