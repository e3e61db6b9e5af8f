# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The RKNNLite object of one seat: started, run, and made anew after a failure."""

from collections.abc import Callable, Sequence
from typing import Any

from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.errors import InferFailed
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Context:
    """
    One RKNNLite with the model in it; belongs to one thread at a time.

    After a run that failed nobody knows what state the runtime is in: it is released, and the
    next run begins with a new one.

    :param title: who runs, for messages.
    :param mask: the NPU cores, as RKNNLite's ``NPU_CORE_*`` count them.
    :param make: returns an RKNNLite that is ready to run, or raises.
    """

    def __init__(self, title: str, mask: int, make: Callable[[int], Any]) -> None:
        """Start nothing yet."""
        self.mask = mask
        self._title = title
        self._make = make
        self._lite: Any = None

    @property
    def version(self) -> str:
        """What the runtime says of itself and its driver, in one line; empty where nothing."""
        try:
            return ' '.join((self._lite.get_sdk_version() or '').split())
        except Exception:   # a word for people: no reason to fail
            return ''

    def open(self) -> None:
        """
        Start the model.

        :raises FasterDeployError: it does not start; raised by ``make``.
        """
        self._lite = self._make(self.mask)

    def run(self, inputs: list[Array]) -> list[Array]:
        """
        Infer once.

        :param inputs: contiguous, in the model's order, 4-D ones as NHWC.
        :raises InferFailed: there is no result, or no new runtime after an earlier failure.
        """
        if self._lite is None:
            try:
                self.open()
            except Exception as error:
                raise InferFailed(
                    f'{self._title}: an earlier inference of this seat failed, and its context '
                    f'cannot be made anew: {one_line(error)}') from error
        is_done = False
        try:
            results = self._lite.inference(inputs=inputs, **_dtypes(inputs))
            if results is None:
                raise InferFailed(
                    f'{self._title}: RKNNLite.inference gave no result, its log says why; the '
                    'context of this seat is made anew before its next inference')
            arrays = [np.asarray(result) for result in results]
            is_done = True
        finally:
            if not is_done:   # whatever it was, an interrupt as well
                self.close()
        return arrays

    def close(self) -> None:
        """Give the NPU back; a second call does nothing."""
        lite, self._lite = self._lite, None
        if lite is not None:
            release(lite)


def release(lite: Any) -> None:
    """Release a runtime; one that cannot even end is dropped, for nothing more can be done."""
    try:
        lite.release()
    except Exception:
        pass


def _dtypes(inputs: Sequence[Array]) -> dict[str, Any]:
    """Return the argument that says what the inputs are, where that is not its default."""
    names = [array.dtype.name for array in inputs]
    if set(names) == {'uint8'}:
        return {}
    return {'data_type': names[0] if len(set(names)) == 1 else names}
