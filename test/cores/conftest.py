# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Models for the tests of the cores."""

import sys

from fake_rknnlite import Board, write_rknn
from faster_deploy_ros.cores.rknn import board as board_of_this_machine
import pytest

RKNN_CORE = 'faster_deploy_ros.cores.rknn_core'


@pytest.fixture
def plug_rknn(monkeypatch, tmp_path):
    """Return a function that puts a simulated board into this machine."""
    def put(soc='rk3588'):
        board = Board(soc)
        for name, module in board.module().items():
            monkeypatch.setitem(sys.modules, name, module)
        sys.modules.pop(RKNN_CORE, None)   # it has the RKNNLite of the last board
        compatible = tmp_path / 'compatible'
        compatible.write_bytes(f'radxa,rock-5b\0rockchip,{soc}\0'.encode())
        library = tmp_path / 'librknnrt.so'
        library.write_bytes(b'\x7fELF..librknnrt version: 2.5.0 (74ea630ce@2026-09-29)\0')
        driver = tmp_path / 'rknpu_version'
        driver.write_text('RKNPU driver: v0.9.8\n')
        monkeypatch.setattr(board_of_this_machine, 'COMPATIBLE', compatible)
        monkeypatch.setattr(board_of_this_machine, 'LIBRARIES', (library,))
        monkeypatch.setattr(board_of_this_machine, 'DRIVERS', (driver,))
        return board

    yield put
    sys.modules.pop(RKNN_CORE, None)


@pytest.fixture
def rknn_board(plug_rknn):
    """Return a simulated RK3588 that must be left as it was found."""
    found = plug_rknn()
    yield found
    assert found.violations == []
    assert found.open == [], 'a context still holds the NPU'
    assert all(lite.releases == 1 for lite in found.made), 'released never, or twice'


@pytest.fixture
def rknn_model(tmp_path):
    """Return a model for the simulated RK3588: a picture of 5x4 in, its 60 bytes out."""
    return write_rknn(tmp_path / 'm.rknn', {'images': (1, 3, 4, 5)}, {'output': (1, 60)})
