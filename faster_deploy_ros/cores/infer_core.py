# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The promise of every core: what the layers above may rely on."""

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.device import Device
from faster_deploy_ros.cores.uri import ModelUri


class InferCore(Protocol):
    """
    One loaded model on one device of one runtime; safe for any number of threads.

    ``with core.lease() as blobs`` gives a seat: write its inputs, ``core.sync_infer(blobs)``, read
    its outputs. Nothing of a seat is used after its lease.
    """

    @property
    def uri(self) -> ModelUri:
        """What was opened; its path is the model's file, where it has one."""

    @property
    def specs(self) -> Mapping[str, BlobSpec]:
        """The model's tensors by name: inputs first, in the model's order."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the model's file says about itself; empty where it says nothing."""

    @property
    def device(self) -> Device:
        """Where the model runs."""

    @property
    def seats(self) -> int:
        """How many leases there can be at once."""

    def lease(self, timeout_s: float | None = None) -> AbstractContextManager[BlobsBuffer]:
        """
        Return a context manager around one seat.

        :raises TimedOut: on entering, when no seat came back in time.
        :raises Closed: on entering, after ``unload``.
        """

    def sync_infer(self, blobs: BlobsBuffer) -> None:
        """
        Run the model once on a leased seat; the GIL is released while the runtime works.

        :raises BlobMismatch: a tensor's shape is open or wrong, or the seat is another core's.
        :raises InferFailed: the runtime could not finish; the seat stays usable.
        :raises Closed: the seat's lease has ended.
        """

    def async_infer(self, blobs: BlobsBuffer) -> 'Future[BlobsBuffer]':
        """
        Start the same and return at once; the future always settles, with the seat or an error.

        Leaving the lease waits for it.
        """

    def unload(self, timeout_s: float = 5.0) -> None:
        """
        Let the model go; a second call does nothing.

        :raises TimedOut: seats are still leased after the wait; the model stays until they are
            back and ``unload`` is called again.
        """

    def __enter__(self) -> 'InferCore':
        """Return the core itself."""

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        """Unload."""
