# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Triton and other KServe v2 servers: a model on a machine bigger than the robot's own."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
import logging
import os
from pathlib import Path
from time import monotonic, sleep
from typing import Any, ClassVar

from faster_deploy_ros.blobs import Blob, BlobsBuffer
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import LoadedModel
from faster_deploy_ros.cores.triton.link import Address, Link, ServerError, VERSIONS
from faster_deploy_ros.cores.triton.memory import FOLDER, Region, remove_leftovers
from faster_deploy_ros.cores.triton.model import Question
from faster_deploy_ros.cores.triton.seat import Seat
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import FasterDeployError, InferFailed, LoadFailed, Unavailable
from faster_deploy_ros.shared_memory import free_bytes

EXTENSION = 'system_shared_memory'
FAREWELL_S = 1.0  # for the last words to a server that may be dead
SWEEP_S = 1.0     # between two attempts to unregister what the server still uses
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TritonOptions:
    """What a ``triton`` URI can ask for."""

    version: str = option('', 'of the model; empty: the one that the server chooses')
    timeout_s: float = option(3.0, 'for one inference, retries included', minimum=0.001)
    connect_timeout_s: float = option(
        5.0, 'how long loading waits for an answer of the server', minimum=0.001)
    retries: int = option(
        1, 'how often a request is sent again when its connection breaks', minimum=0)
    shared_memory: str = option(
        'auto', 'pass tensors through system shared memory; auto: where the server can',
        choices=('auto', 'on', 'off'))
    tls: bool = option(False, 'encrypt, and check who the server is')
    tls_ca: str = option('', 'a PEM file of certificates to trust; empty: those of the system')
    token: str = option('', 'for a restricted protocol; env:NAME takes it from the environment')
    token_header: str = option('triton-access-token', 'under which name the server expects it')


class TritonCore(BaseInferCore):
    """
    A model on a KServe v2 server over gRPC: ``triton.0://host:8001/yolo?version=1``.

    On the same machine the tensors lie in shared memory and only their names travel; a blob's
    data is what the server reads and writes. Otherwise, and for memory that the caller has bound,
    they go over the wire, which ``device.name`` tells. A server that went away fails inferences
    at once; the first one after it is back finds it, and its shared memory, again.
    """

    scheme = 'triton'
    options_type = TritonOptions
    path_is_file = False
    capabilities: ClassVar[Capabilities] = Capabilities(
        dynamic_shape=True, external_blobs=True, native_async=True, versions=VERSIONS)

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is asked yet."""
        super().__init__(uri, seats=seats)
        self.options: TritonOptions = self._options
        self._address: Address   # these two come with the model
        self._link: Link
        self._is_batched = False
        self._is_shared = False
        self._retired: deque[str] = deque()  # names of regions to unregister
        self._swept = 0.0

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the client; which servers there are nobody knows before a URI names one."""
        return [Device(cls.scheme, 0, 'client of KServe v2 servers', cls.capabilities)]

    def _load(self, source: Path | bytes) -> LoadedModel:
        options = self.options
        self._address = Address.parse(self._name, self._uri.path)
        self._link = Link(
            self._address.server, connect_timeout_s=options.connect_timeout_s, tls=options.tls,
            tls_ca=options.tls_ca, token=options.token, token_header=options.token_header)
        try:
            return self._ask()
        except BaseException:
            self._link.close()
            raise

    def _ask(self) -> LoadedModel:
        """Learn what the server is, what the model is, and how the tensors can travel."""
        address, options = self._address, self.options
        try:
            server = self._link.greet()
        except ServerError as error:
            if error.is_unanswered:
                raise Unavailable(
                    f'{self._name}: no server answers at {address.server} within '
                    f'connect_timeout_s={options.connect_timeout_s:g}: {error}. Start it, or '
                    'name its gRPC port (8001 as a rule, not the 8000 of HTTP)') from error
            raise LoadFailed(
                f'{self._name}: what answers at {address.server} is no KServe v2 server, or '
                f'refuses us: {error}') from error
        served = Question(
            self._link, self._name, address.server, address.model, options.version,
            options.connect_timeout_s).ask()
        self._is_batched = served.is_batched
        why_not = self._why_not_shared(server.extensions, served.loaded)
        self._is_shared = not why_not
        if why_not and options.shared_memory == 'on':
            raise Unavailable(
                f'{self._name}: shared memory with {address.server} is impossible: {why_not}. '
                'It needs the same machine, user and /dev/shm (docker: --ipc=host); '
                'shared_memory=off sends the tensors over the wire')
        if why_not and options.shared_memory == 'auto':
            LOG.warning(
                '%s: the tensors go over the wire to %s, not through shared memory: %s. '
                'shared_memory=off says the same and is silent',
                self._name, address.server, why_not)
        way = 'shared memory' if self._is_shared else 'wire'
        name = server.name or 'server'
        self._device = Device(
            self.scheme, self._uri.device, f'{name} {server.version} at {address.server}, {way}',
            replace(self.capabilities, versions={
                **self.capabilities.versions, name: server.version or 'unknown'}),
            guid=address.server)
        return served.loaded

    def _why_not_shared(self, extensions: Sequence[str], loaded: LoadedModel) -> str:
        """Try shared memory, and return why it cannot be used; ``''`` when it can."""
        if self.options.shared_memory == 'off':
            return 'the option shared_memory is off'
        if EXTENSION not in extensions:
            return f'the server does not have the extension {EXTENSION}'
        remove_leftovers()
        needed = self._seats * sum(
            spec.nbytes(spec.shape) for spec in loaded.specs if not spec.is_dynamic)
        if free_bytes(FOLDER) < needed:
            return f'{needed} bytes are needed, {FOLDER} has {free_bytes(FOLDER)}'
        try:
            probe = Region(1)
        except Unavailable as error:
            return str(error)
        try:
            self._link.register(probe, self.options.timeout_s)
            self._link.unregister(probe.name, self.options.timeout_s)
            self._link.unregister_leftovers(self.options.timeout_s)
        except ServerError as error:
            return f'the server says: {error}'
        finally:
            probe.unlink()
        return ''

    def _unload(self) -> None:
        self._sweep(FAREWELL_S)
        self._link.close()

    def _allocate(self) -> BlobsBuffer:
        seat = Seat(
            self._name, self._address.model, self.options.version, is_batched=self._is_batched)
        retire = self._retire if self._is_shared else None
        blobs: list[Blob] = []
        try:
            for spec in self._specs.values():
                blobs.append(seat.blob(spec, retire))
        except BaseException:
            for blob in blobs:
                blob.free()
            raise
        return BlobsBuffer(blobs, request=seat, owner=self)

    def _infer(self, blobs: BlobsBuffer) -> None:
        seat: Seat = blobs.request
        deadline = monotonic() + self.options.timeout_s
        retries, is_mended = self.options.retries, False
        while True:
            try:
                message = seat.message(blobs)
                for region in seat.regions(blobs.values()):
                    if not region.is_registered:
                        self._link.register(region, _left(deadline))
                response = self._link.infer(message, _left(deadline))
                break
            except ServerError as error:
                regions = seat.regions(blobs.values())
                if error.is_unanswered:
                    seat.abandon(blobs.outputs)
                if error.is_lost and retries:
                    retries -= 1
                elif error.is_missing and regions and not is_mended:
                    # Restarted, the server knows no region; or it is the model that is gone.
                    is_mended = True
                    for region in regions:
                        region.is_registered = False
                else:
                    raise self._explain(error) from error
        self._finish(blobs, response)

    def _start_async(self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]') -> None:
        """Send at once; what has to be mended first is done by a thread, the synchronous way."""
        seat: Seat = blobs.request

        def done(response: Any, error: ServerError | None) -> None:
            problem: BaseException | None = None
            try:
                if error is None:
                    self._finish(blobs, response)
                else:
                    if error.is_unanswered:
                        seat.abandon(blobs.outputs)
                    if error.is_lost or error.is_missing:
                        super(TritonCore, self)._start_async(blobs, future)
                        return
                    problem = self._explain(error)
            except BaseException as found:  # whatever it is, it belongs to who waits
                problem = found
            self._settle(blobs, future, problem)

        try:
            message = seat.message(blobs)
        except FasterDeployError as error:  # no room for what has grown
            self._settle(blobs, future, error)
            return
        if all(region.is_registered for region in seat.regions(blobs.values())):
            self._link.infer_later(message, self.options.timeout_s, done)
        else:
            super()._start_async(blobs, future)

    def _finish(self, blobs: BlobsBuffer, response: Any) -> None:
        """Take the answer in, and clear away what the server no longer uses."""
        blobs.request.read(response, blobs)
        if self._retired and monotonic() - self._swept > SWEEP_S:
            self._sweep(0.0)

    def _sweep(self, patience_s: float) -> None:
        """
        Unregister the regions that no seat uses any more.

        A request that nobody waits for may still run: the server says that its region is in use,
        and it is tried again, here until the patience is over, or after a later inference.
        """
        deadline = monotonic() + patience_s
        self._swept = monotonic()
        while self._retired:
            for _ in range(len(self._retired)):
                try:
                    name = self._retired.popleft()
                except IndexError:  # another thread was quicker
                    return
                try:
                    self._link.unregister(name, FAREWELL_S)
                except ServerError as error:
                    self._retired.append(name)
                    if error.is_unanswered:  # it is gone, and so is what it had mapped
                        return
            if monotonic() >= deadline:
                return
            sleep(0.02)

    def _retire(self, region: Region) -> None:
        """Remember a region that a blob has left, for as long as the server may have it mapped."""
        if region.is_offered:
            self._retired.append(region.name)

    def _explain(self, error: ServerError) -> FasterDeployError:
        server = self._address.server
        if error.is_late:
            return InferFailed(
                f'{self._name}: time-out: no answer from {server} within timeout_s='
                f'{self.options.timeout_s:g}; see what the server is doing, or allow it more')
        if error.is_lost:
            return InferFailed(
                f'{self._name}: {server} is not available: {error}; the next inference tries '
                'again')
        return InferFailed(f'{self._name}: {server} refuses: {error}')


def _left(deadline: float) -> float:
    return max(0.001, deadline - monotonic())
