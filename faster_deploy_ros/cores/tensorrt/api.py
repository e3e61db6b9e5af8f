# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT's own ways: what each version lacks, its journal, its dtypes, its plug-ins."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
import ctypes
import logging
import threading
from types import MappingProxyType
from typing import Any

from faster_deploy_ros.errors import Unavailable, Unsupported
import numpy as np
import tensorrt as trt

# What not every version has -> the versions that do. All else that we use, all of them have; both
# is checked against the versions' own lists by test/cores/test_tensorrt_api.py.
GATED: Mapping[str, str] = MappingProxyType({
    'BuilderFlag.BF16': '10',
    'BuilderFlag.FP16': '8 10',
    'BuilderFlag.INT8': '8 10',
    'DataType.BF16': '10 11',
    'DataType.INT64': '10 11',
    'IBuilderConfig.int8_calibrator': '8 10',
    'IBuilderConfig.progress_monitor': '10 11',
    'IBuilderConfig.set_calibration_profile': '8 10',
    'IInt8EntropyCalibrator2': '8 10',
    'IProgressMonitor': '10 11',
    'NetworkDefinitionCreationFlag.EXPLICIT_BATCH': '8 10',
    'PreviewFeature.PROFILE_SHARING_0806': '8 10',
})
# The lean runtime runs engines and has none of these; the whole one has them in every version.
LEAN_LACKS = ('Builder', 'OnnxParser', 'init_libnvinfer_plugins')
VERSION: str = trt.__version__
MAJOR = int(VERSION.partition('.')[0])
# Our name of a dtype, by TensorRT's.
DTYPES: Mapping[str, str] = MappingProxyType({
    'FLOAT': 'float32', 'HALF': 'float16', 'INT8': 'int8', 'INT32': 'int32', 'BOOL': 'bool',
    'UINT8': 'uint8', 'INT64': 'int64'})
# A library that wants to be loaded through the registry exports one of these.
CREATORS = ('getCreators', 'getPluginCreators')
KEPT = 200     # messages
SHOWN = 3      # of them, in an error of ours
# The one warning that nothing of ours says: a serialised engine from a GPU like this one.
SERIOUS = 'different models of devices'

_logger = logging.getLogger(__name__)
_loaded: dict[str, Any] = {}   # plug-in libraries stay: their operators are known process-wide
_loaded_lock = threading.Lock()
Listener = Callable[[str], None]


def member(name: str) -> Any:
    """Return ``tensorrt.<name>``, for example ``'BuilderFlag.FP16'``; None where it has none."""
    found: Any = trt
    for part in name.split('.'):
        found = getattr(found, part, None)
    return found


def has(name: str) -> bool:
    """Whether this version has it: a class, a function, or a member of a class."""
    return member(name) is not None


def can_build() -> bool:
    """Whether this TensorRT builds engines; the lean runtime only runs them."""
    return has('Builder') and has('OnnxParser')


class Journal(trt.ILogger):  # type: ignore[misc]
    """
    What TensorRT says, kept until an error of ours tells it.

    One for the process: TensorRT keeps to the first logger that it is given, whatever comes later.
    """

    def __init__(self) -> None:
        """Begin empty."""
        trt.ILogger.__init__(self)
        self._lock = threading.Lock()
        self._number = 0
        self._errors: deque[tuple[int, int, str]] = deque(maxlen=KEPT)
        self._listeners: list[Listener] = []
        self._grave = (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR)

    def log(self, severity: Any, msg: str) -> None:
        """Take a message; called by TensorRT on any thread, must not raise."""
        text = ' '.join(msg.split())
        if severity in self._grave:
            with self._lock:
                self._number += 1
                self._errors.append((self._number, threading.get_ident(), text))
            _logger.info('TensorRT: %s', text)
        elif severity == trt.ILogger.WARNING:
            _logger.log(
                logging.WARNING if SERIOUS in text else logging.INFO, 'TensorRT: %s', text)
        else:
            _logger.debug('TensorRT: %s', text)
        for listener in tuple(self._listeners):
            listener(text)

    def mark(self) -> int:
        """Return a place in the journal, for ``errors_since``."""
        with self._lock:
            return self._number

    def errors_since(self, mark: int) -> str:
        """Return what went wrong on this thread since then, or else on any; in one line."""
        with self._lock:
            since = [entry for entry in self._errors if entry[0] > mark]
        own = [text for _, thread, text in since if thread == threading.get_ident()]
        texts = list(dict.fromkeys(own or [text for _, _, text in since]))
        return '; '.join(texts[:SHOWN]) or 'TensorRT does not say why'

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call ``listener`` with each message of the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)


JOURNAL = Journal()


def dtype_of(title: str, data_type: Any) -> np.dtype[Any]:
    """
    Return numpy's dtype of one of TensorRT's.

    :raises Unsupported: numpy has none, as for bfloat16.
    """
    for name, dtype in DTYPES.items():
        if has(f'DataType.{name}') and member(f'DataType.{name}') == data_type:
            return np.dtype(dtype)
    raise Unsupported(
        f'{title} is a {data_type}, expected one of {", ".join(DTYPES.values())}. Export the '
        'model with inputs and outputs of float32 or float16')


def load_plugins(title: str, paths: Sequence[str]) -> None:
    """
    Make TensorRT's own plug-ins known, and those of libraries; once in a process.

    :raises Unavailable: a library is missing, or is none of plug-ins.
    """
    with _loaded_lock:
        if '' not in _loaded:
            _loaded[''] = has('init_libnvinfer_plugins') and trt.init_libnvinfer_plugins(
                JOURNAL, '')
        for path in paths:
            if path not in _loaded:
                _loaded[path] = _load_library(title, path)


def _load_library(title: str, path: str) -> Any:
    mark = JOURNAL.mark()
    try:
        library = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)   # registers itself, as most do
    except OSError as error:
        raise Unavailable(
            f"{title}: option plugins: '{path}' cannot be loaded: {' '.join(str(error).split())}"
        ) from error
    if any(hasattr(library, name) for name in CREATORS):
        registry = trt.get_plugin_registry()
        if registry.load_library(path) is None:
            raise Unavailable(
                f"{title}: option plugins: TensorRT {VERSION} refuses '{path}': "
                f'{JOURNAL.errors_since(mark)}. Build the library against this version')
    return library
