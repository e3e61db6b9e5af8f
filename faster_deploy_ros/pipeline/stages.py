# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every stage of the road is made of: decode, model, encode."""

from collections.abc import Callable
from typing import Any

from faster_deploy_ros.stopwatch import Stopwatch


class Stages:
    """
    One frame from message to message, on one thread; ``partial(stages, message)`` is the job.

    :param decode: ``decode(message) -> frame``, lap ``decode``.
    :param model: ``model(frame, laps) -> result``, with laps of its own.
    :param encode: ``encode(frame, result) -> value``, lap ``encode``; it also gets what is wanted
        of the frame, where the job is given that.
    """

    __slots__ = ('_decode', '_encode', '_model')

    def __init__(self, decode: Callable[[Any], Any], model: Callable[[Any, Stopwatch], Any],
                 encode: Callable[..., Any]) -> None:
        """Join the three."""
        self._decode = decode
        self._model = model
        self._encode = encode

    def __call__(self, message: Any, laps: Stopwatch, wanted: Any = None) -> Any:
        """
        Carry one message down the road; what a stage raises is the frame's failure.

        :param wanted: for ``encode``: what is to be made of the result; None where that is fixed.

        Thread: worker
        """
        frame = self._decode(message)
        laps.lap('decode')
        result = self._model(frame, laps)
        with laps.timed('encode'):
            if wanted is None:
                return self._encode(frame, result)
            return self._encode(frame, result, wanted)
