# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for rknnlite.api on a simulated board: its signatures, -1, None and exceptions."""

from collections import Counter
from contextlib import ExitStack
import json
from pathlib import Path
import struct
import threading
from types import ModuleType

import numpy as np

CORES = {'rk3588': 3, 'rk3576': 2}
TIMEOUT_S = 20.0


def write_rknn(
        path, inputs, outputs, *, targets=('rk3588',), toolkit='2.5.0', container=6, table=None):
    """
    Write a file with the structure that the real toolkit gives it, and no network.

    :param inputs: name -> shape, channels first, as the page of a real file has them.
    :param outputs: the same of the outputs.
    :param table: what the literal in the body says; None: there is none.
    """
    shapes = [*inputs.items(), *outputs.items()]
    sides = [*(('input', k) for k in range(len(inputs))),
             *(('output', k) for k in range(len(outputs)))]
    page = json.dumps({
        'connection': [],
        'graph': [
            {'left': side, 'left_tensor_id': k, 'right': 'norm_tensor', 'right_tensor_id': number}
            for number, (side, k) in enumerate(sides)],
        'norm_tensor': [
            {'dim_num': len(shape), 'dtype': {'qnt_method': '', 'qnt_type': '', 'vx_type': ''},
             'size': list(shape), 'tensor_id': number, 'url': name}
            for number, (name, shape) in enumerate(shapes)],
        'target_platform': list(targets), 'version': toolkit}).encode()
    literal = repr(table).encode() if table is not None else b''
    body = b'\0' * 36 + struct.pack('<I', len(literal)) + literal + b'\0' * 20
    head = b'RKNN' + b'\0' * 4 + struct.pack('<QQ', container, len(body))
    path = Path(path)
    path.write_bytes(head.ljust(64, b'\0') + body + struct.pack('<Q', len(page)) + page)
    return path


class Board:
    """
    The simulated board, and what a test wants of it.

    ``refuse_run(number)`` and ``refuse_start(number, mask)`` say how the n-th inference or
    init_runtime of the whole board ends: ``'none'`` (or -1), ``'raise'``, or None for well.
    """

    def __init__(self, soc='rk3588'):
        self.soc = soc
        self.cores = CORES.get(soc, 1)
        self.targets = {soc}      # whose models the runtime takes
        self.checks_inputs = True
        self.made = []
        self.violations = []
        self.refuse_run = lambda number: None
        self.refuse_start = lambda number, mask: None
        self.refuse_load = False
        self.compute = None       # inputs -> outputs; None: each input is an output, as float32
        self.during_run = lambda lite: None
        self.runs = 0
        self.starts = 0
        self.runs_of_mask = Counter()
        self._count = threading.Lock()
        self._core = [threading.Lock() for _ in range(self.cores)]

    def module(self):
        """Return ``rknnlite`` and ``rknnlite.api`` for sys.modules."""
        package, api = ModuleType('rknnlite'), ModuleType('rknnlite.api')
        api.RKNNLite = type('RKNNLite', (FakeRknnLite,), {'board': self})
        package.api = api
        return {'rknnlite': package, 'rknnlite.api': api}

    def count_run(self, mask):
        with self._count:
            self.runs += 1
            self.runs_of_mask[mask] += 1
            return self.runs

    def count_start(self):
        with self._count:
            self.starts += 1
            return self.starts

    def cores_of(self, mask):
        """Return the locks of the cores that a run occupies; one core runs one thing at a time."""
        return [self._core[index] for index in range(self.cores)
                if mask >> index & 1 or (mask == 0 and index == 0)]

    @property
    def open(self):
        """The contexts that hold the NPU now."""
        return [lite for lite in self.made if lite.mask is not None]


class FakeRknnLite:
    """RKNNLite of toolkit 2.5, as far as it can be told from outside."""

    NPU_CORE_AUTO, NPU_CORE_0, NPU_CORE_1, NPU_CORE_2 = 0, 1, 2, 4
    NPU_CORE_0_1, NPU_CORE_0_1_2, NPU_CORE_ALL = 3, 7, 0xFFFF
    board = None

    def __init__(self, verbose=False, verbose_file=None):
        self.rknn_data = None
        self.page = None
        self.mask = None           # None: no runtime
        self.releases = 0
        self._busy = threading.Lock()
        self.board.made.append(self)

    def load_rknn(self, path, key_path=None):
        if not isinstance(path, str):
            raise TypeError('path should be a string')
        if self.board.refuse_load or not Path(path).exists():
            return -1
        self.rknn_data = Path(path).read_bytes()
        start = self.rknn_data.rfind(b'{"connection"')
        self.page = json.loads(self.rknn_data[start:]) if start > 0 else None
        return 0

    def init_runtime(self, target=None, device_id=None, async_mode=False, core_mask=0):
        if self.rknn_data is None:
            return -1
        if target is not None or async_mode:
            self.board.violations.append('init_runtime for something else than this board')
        how = self.board.refuse_start(self.board.count_start(), core_mask)
        if how == 'raise':
            raise RuntimeError('librknnrt: cannot allocate')
        if how or self.page is None or not (
                self.board.targets & set(self.page['target_platform'])):
            return -1
        if core_mask and self.board.cores == 1:
            return -1              # "The core_mask is only supported by RK3588, RK3576"
        if core_mask >> self.board.cores:
            core_mask = 1          # the real one logs that and runs on core 0
        self.mask = core_mask
        return 0

    def inference(
            self, inputs, data_type=None, data_format=None, inputs_pass_through=None,
            get_frame_id=False, reuse_outputs=False):
        if self.mask is None:
            return None
        if not self._busy.acquire(blocking=False):
            self.board.violations.append('two threads in one context')
            return None
        try:
            number = self.board.count_run(self.mask)
            with ExitStack() as held:
                for core in self.board.cores_of(self.mask):
                    held.enter_context(core)
                self.board.during_run(self)
                how = self.board.refuse_run(number)
                if how == 'raise':
                    raise RuntimeError('rknn_run failed: -6')
                if how or not self._takes(inputs, data_type, data_format):
                    return None
                if all((array == 100).all() for array in inputs):
                    return None
                return self._compute(inputs)
        finally:
            self._busy.release()

    def get_sdk_version(self):
        if self.mask is None:
            return None
        return '========\nAPI: 2.5.0 (abc)\nDRV: rknn_server 2.5.0\n========'

    def list_devices(self):
        return [], []

    def release(self):
        self.releases += 1
        self.mask = None

    def _takes(self, inputs, data_type, data_format):
        """Refuse what set_inputs refuses; 4-D inputs are NHWC."""
        if not isinstance(inputs, list) or data_format is not None:
            return False
        if not self.board.checks_inputs:
            return True
        rows = [row for row in self.page['graph'] if row['left'] == 'input']
        sizes = {row['tensor_id']: row['size'] for row in self.page['norm_tensor']}
        wanted = [sizes[row['right_tensor_id']] for row in rows]
        wanted = [[s[0], *s[2:], s[1]] if len(s) == 4 else s for s in wanted]
        types = data_type if isinstance(data_type, list) else [data_type or 'uint8'] * len(inputs)
        return len(inputs) == len(wanted) == len(types) and all(
            isinstance(array, np.ndarray) and list(array.shape) == shape
            and array.dtype.name == kind and array.flags.c_contiguous
            for array, shape, kind in zip(inputs, wanted, types))

    def _compute(self, inputs):
        if self.board.compute is not None:
            return self.board.compute(inputs)
        rows = [row for row in self.page['graph'] if row['left'] == 'output']
        sizes = {row['tensor_id']: row['size'] for row in self.page['norm_tensor']}
        return [np.array(array, np.float32).reshape(sizes[row['right_tensor_id']])
                for array, row in zip(inputs, rows)]
