# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What all cores have in common: checks, seats, order of life; a runtime adds four hooks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
import os
from pathlib import Path
import threading
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, TypeVar

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec, BufferPool
from faster_deploy_ros.blobs.pool import Lease
from faster_deploy_ros.cores.device import Device
from faster_deploy_ros.cores.options import NoOptions
from faster_deploy_ros.cores.source import check_source, LoadedModel, one_line
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    Closed,
    FasterDeployError,
    InferFailed,
    LoadFailed,
    TimedOut,
    Unavailable,
    Unsupported,
)

Self = TypeVar('Self', bound='BaseInferCore')


class BaseInferCore(ABC):
    """
    Base of all cores: the public methods check, the hooks do.

    A runtime writes ``devices``, ``_load``, ``_infer``, ``_unload``, and ``_allocate`` / ``_free``
    where a seat is more than host memory. The hooks may raise what they like: ``load`` and the
    inferences turn it into LoadFailed and InferFailed with the cause kept.

    :param uri: which model, where, with which options.
    :param seats: how many inferences may be prepared or run at once.
    :raises UnknownName: an option that this runtime has not.
    :raises BadValue: an option whose text cannot be read, or no seats.
    """

    scheme: ClassVar[str]
    options_type: ClassVar[type] = NoOptions
    path_is_file: ClassVar[bool] = True  # whether the URI's path is a file that must be there

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        self._uri = ModelUri.parse(uri).resolved()
        if self._uri.scheme != self.scheme:
            raise LoadFailed(
                f"{self.scheme}: got the URI '{self._uri.shown}', expected the scheme "
                f"'{self.scheme}'")
        if seats < 1:
            raise BadValue(f'{self.scheme}: got {seats} seats, expected at least 1')
        self._options: Any = self._uri.options_as(self.options_type)
        self._name = f'{self.scheme}.{self._uri.device} {os.path.basename(self._uri.path)}'
        self._seats = seats
        self._pool: BufferPool | None = None
        self._loaded = LoadedModel(())
        self._specs: Mapping[str, BlobSpec] = MappingProxyType({})
        self._device: Device | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._life = threading.RLock()  # held while loading and unloading
        self._threads_lock = threading.Lock()
        self._is_over = False

    # -- what a runtime writes ---------------------------------------------------------------

    @classmethod
    @abstractmethod
    def devices(cls) -> Sequence[Device]:
        """
        List the devices that this runtime can use now.

        :raises Unavailable: there is none; the message says why.
        """

    @abstractmethod
    def _load(self, source: Path | bytes) -> LoadedModel:
        """Load the model; the device is ``self.device``, the options are ``self._options``."""

    @abstractmethod
    def _infer(self, blobs: BlobsBuffer) -> None:
        """Run once on a seat whose blobs are checked; the GIL is released meanwhile."""

    @abstractmethod
    def _unload(self) -> None:
        """Let the model go; no seat is out any more, and all are freed."""

    def _allocate(self) -> BlobsBuffer:
        """Make one seat; by default blobs in host memory and no request."""
        return BlobsBuffer([Blob(spec) for spec in self._specs.values()], owner=self)

    def _free(self, blobs: BlobsBuffer) -> None:
        """Take one seat apart, before the model goes."""
        blobs.free()

    def _select_device(self) -> Device:
        """Return the device that the URI names, among those there are."""
        devices = self.devices()
        for device in devices:
            if device.index == self._uri.device:
                return device
        raise Unavailable(
            f'{self._name}: there is no device {self._uri.device}, expected one of '
            f"{', '.join(map(str, devices))}")

    # -- what the layers above use -----------------------------------------------------------

    @property
    def uri(self) -> ModelUri:
        """What was opened; its path is the model's file, where it has one."""
        return self._uri

    @property
    def specs(self) -> Mapping[str, BlobSpec]:
        """The model's tensors by name: inputs first, in the model's order."""
        return self._specs

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the model's file says about itself; empty where it says nothing."""
        return self._loaded.metadata

    @property
    def device(self) -> Device:
        """
        Where the model runs.

        :raises Closed: nothing is loaded yet.
        """
        if self._device is None:
            raise Closed(f'{self._name}: not loaded yet, load() chooses the device')
        return self._device

    @property
    def seats(self) -> int:
        """How many leases there can be at once."""
        return self._seats

    def load(self, source: Path | bytes | None = None) -> None:
        """
        Load the model, from the URI's path or from ``source``; once in a core's life.

        :param source: another file, or the model itself as bytes.
        :raises LoadFailed: the model is missing, corrupt, or not one for this runtime.
        :raises Unavailable: the device, a provider or a library is missing.
        :raises Closed: the core was unloaded; open another one.
        """
        with self._life:
            if self._is_over:
                raise Closed(f'{self._name}: unloaded, and not loaded again; open another core')
            if self._pool is not None:
                raise LoadFailed(f'{self._name}: a model is loaded already; open another core')
            source = check_source(
                self._name, Path(self._uri.path) if source is None else source,
                is_file=self.path_is_file)
            self._device = self._select_device()
            if isinstance(source, bytes) and not self._device.capabilities.from_bytes:
                raise Unsupported(f'{self._name}: this runtime loads files, not bytes')
            try:
                loaded = self._load(source)
            except FasterDeployError:
                raise
            except Exception as error:
                raise LoadFailed(
                    f'{self._name}: cannot be loaded: {one_line(error)}') from error
            specs = sorted(loaded.specs, key=lambda spec: not spec.is_input)
            self._specs = MappingProxyType({spec.name: spec for spec in specs})
            self._loaded = loaded
            self._pool = BufferPool(
                self._make_seat, self._seats, name=self._name, free=self._free)

    def lease(self, timeout_s: float | None = None) -> Lease:
        """
        Return a context manager around one seat.

        :raises TimedOut: on entering, when no seat came back in time.
        :raises Unavailable: on entering, when there is no memory for one more seat.
        :raises Closed: the core is not loaded; or on entering, after ``unload``.
        """
        if self._pool is None:
            raise Closed(f'{self._name}: not loaded yet, call load() first')
        return self._pool.lease(timeout_s)

    def sync_infer(self, blobs: BlobsBuffer) -> None:
        """
        Run the model once on a leased seat.

        :raises BlobMismatch: a tensor's shape is open, or the seat is another core's.
        :raises InferFailed: the runtime could not finish; the seat stays usable.
        :raises Closed: the seat's lease has ended.
        """
        self._begin(blobs)
        try:
            self._infer(blobs)
        except FasterDeployError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        finally:
            blobs.in_use.release()

    def async_infer(self, blobs: BlobsBuffer) -> 'Future[BlobsBuffer]':
        """
        Start an inference on a leased seat and return at once.

        :returns: a future that always settles, with the seat or with what ``sync_infer`` raises.
        :raises BlobMismatch: as ``sync_infer``, at once.
        :raises Closed: as ``sync_infer``, at once.
        """
        self._begin(blobs)
        future: Future[BlobsBuffer] = Future()
        future.set_running_or_notify_cancel()  # a request that is under way cannot be recalled
        try:
            self._start_async(blobs, future)
        except BaseException:
            blobs.in_use.release()
            raise
        return future

    def unload(self, timeout_s: float = 5.0) -> None:
        """
        Let the model go; a second call does nothing.

        :raises TimedOut: seats are still leased after the wait; the model stays until they are
            back and ``unload`` is called again.
        """
        with self._life:
            if self._is_over:
                return
            if self._pool is not None and not self._pool.close(timeout_s):
                holders = self._pool.holders()
                raise TimedOut(
                    f'{self._name}: {len(holders)} of {self._seats} seats are still leased after '
                    f"{timeout_s} s, by {', '.join(holders)}; the model stays loaded under them. "
                    'End those leases and call unload() again')
            self._is_over = True
            if self._threads is not None:
                self._threads.shutdown(wait=True)
            if self._pool is not None:
                self._unload()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.unload()

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self._uri.shown}, {self._pool or "not loaded"}>'

    # -- inside ------------------------------------------------------------------------------

    def _make_seat(self) -> BlobsBuffer:
        try:
            return self._allocate()
        except FasterDeployError:
            raise
        except Exception as error:
            raise Unavailable(
                f'{self._name}: a seat cannot be made: {one_line(error)}; ask for fewer workers, '
                'or for a model with smaller tensors') from error

    def _begin(self, blobs: BlobsBuffer) -> None:
        """Check a seat and take it for one inference; costs about a microsecond."""
        if not blobs.is_leased:
            raise Closed(
                f'{self._name}: the lease of this seat has ended; infer inside its with-block')
        if blobs.owner is not self:
            raise BlobMismatch(
                f'{self._name}: the seat belongs to {blobs.owner!r}; lease one from this core')
        for blob in blobs.inputs:
            if not blob.is_shaped:
                raise BlobMismatch(
                    f'{self._name}: {blob.spec.title} still has the open shape {blob.shape}; '
                    'reshape() it before the inference')
        if not blobs.in_use.acquire(blocking=False):
            raise BlobMismatch(
                f'{self._name}: another inference runs on this seat; wait for it, or lease a '
                'second seat')

    def _start_async(self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]') -> None:
        """Run on one of our own threads; a runtime that is asynchronous itself overrides this."""
        with self._threads_lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._seats, f'{self.scheme}-infer')
            threads = self._threads
        threads.submit(self._run_async, blobs, future)

    def _run_async(self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]') -> None:
        try:
            self._infer(blobs)
        except BaseException as error:  # whatever it is, it belongs to who waits
            self._settle(blobs, future, error)
        else:
            self._settle(blobs, future)

    def _settle(
            self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]',
            error: BaseException | None = None) -> None:
        """End an asynchronous inference: the seat is free before the waiting thread knows."""
        blobs.in_use.release()
        if error is None:
            future.set_result(blobs)
        elif isinstance(error, FasterDeployError) or not isinstance(error, Exception):
            future.set_exception(error)
        else:
            failed = self._failed(error)
            failed.__cause__ = error
            future.set_exception(failed)

    def _failed(self, error: Exception) -> InferFailed:
        return InferFailed(f'{self._name}: the inference failed: {one_line(error)}')
