# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""All tensors of one inference: one seat on the core."""

from collections.abc import Iterable, Iterator, Mapping
import threading
from typing import Any

from faster_deploy_ros.blobs.blob import Blob
from faster_deploy_ros.errors import BlobMismatch


class BlobsBuffer(Mapping[str, Blob]):
    """
    The blobs of one inference by name, with the runtime's own state for it.

    :param blobs: inputs first, in the model's order.
    :param request: what the runtime needs for one inference: a binding, a context, a stream.
    :param owner: the core whose seat this is.

    ``aliases``, from a name that somebody else's model has to one of this one's, are answered to
    as well; they are not counted among the names.
    """

    __slots__ = (
        '_blobs', 'aliases', 'in_use', 'inputs', 'is_leased', 'outputs', 'owner', 'request')

    def __init__(
            self, blobs: Iterable[Blob], request: Any = None, owner: object = None) -> None:
        """Sort the blobs into inputs and outputs once, so that nobody does per frame."""
        self._blobs = {blob.spec.name: blob for blob in blobs}
        self.inputs = tuple(blob for blob in self._blobs.values() if blob.spec.is_input)
        self.outputs = tuple(blob for blob in self._blobs.values() if not blob.spec.is_input)
        self.request = request
        self.owner = owner
        self.aliases: Mapping[str, str] = {}
        self.is_leased = False
        self.in_use = threading.Lock()  # held by the one inference that runs on this seat

    def __getitem__(self, name: str) -> Blob:
        """
        Return the blob of that name.

        :raises BlobMismatch: the model has none; the message lists those it has.
        """
        blob: Blob | None = self.get(name)
        if blob is None:
            raise BlobMismatch(
                f"BlobsBuffer: no tensor is named '{name}', the model has "
                f"{', '.join(str(blob.spec) for blob in self._blobs.values())}")
        return blob

    def __contains__(self, name: object) -> bool:
        return name in self._blobs or name in self.aliases

    def get(self, name: str, default: Any = None) -> Any:
        """Return the blob of that name, or ``default``."""
        blob = self._blobs.get(name)
        return self._blobs.get(self.aliases.get(name, name), default) if blob is None else blob

    def __iter__(self) -> Iterator[str]:
        return iter(self._blobs)

    def __len__(self) -> int:
        return len(self._blobs)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def settle(self) -> None:
        """Wait until no inference runs on this seat any more."""
        with self.in_use:
            pass

    def reset(self) -> None:
        """Put every blob back on its own memory and to the model's shape."""
        for blob in self._blobs.values():
            blob.reset()

    def free(self) -> None:
        """Give all memory back; the seat is not used afterwards."""
        for blob in self._blobs.values():
            blob.free()

    def __repr__(self) -> str:
        state = 'leased' if self.is_leased else 'idle'
        return f"<BlobsBuffer {', '.join(self._blobs)}, {state}>"
