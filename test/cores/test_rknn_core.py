# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""RknnCore against a stand-in for RKNNLite: masks, return codes, failures, the end of contexts."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock

from fake_rknnlite import TIMEOUT_S, write_rknn
from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.cores.rknn import board as rknn_board
from faster_deploy_ros.errors import BadValue, InferFailed, LoadFailed, Unavailable
import numpy as np
import pytest

PICTURE = {'images': (1, 3, 4, 5)}
RESULT = {'output': (1, 60)}


@pytest.fixture
def board(rknn_board):
    return rknn_board


@pytest.fixture
def model(rknn_model):
    return rknn_model


class TestRknnContractOnAStandIn(CoreContract):
    """RknnCore keeps the promises of all cores where RKNNLite is simulated."""

    @pytest.fixture
    def identity(self, board, tmp_path):
        # Four dimensions are NHWC to the runtime, so that the contract's 3x4x5 are h, w and c.
        path = write_rknn(
            tmp_path / 'identity.rknn', {'x': (1, 5, 3, 4)}, {'y': (1, 3, 4, 5)})
        return f'rknn://{path}'

    @pytest.fixture
    def dynamic_identity(self, board, tmp_path):
        path = write_rknn(
            tmp_path / 'dynamic.rknn', {'x': (1, 5, 3, 4)}, {'y': (1, 3, 4, 5)},
            table={'attrs': {}, 'dynamic_shapes': {'x': [[1, 5, 3, 4], [1, 5, 6, 8]]}})
        return f'rknn://{path}'

    @pytest.fixture
    def identity_bytes(self, identity):
        return Path(identity.partition('://')[2]).read_bytes()

    @pytest.fixture
    def failing(self, identity):
        return identity


def leased(core, count):
    """Return that many seats at once, and what gives them back."""
    leases = [core.lease(TIMEOUT_S) for _ in range(count)]
    return [lease.__enter__() for lease in leases], leases


def test_an_image_goes_in_as_bytes_and_the_answer_comes_as_floats(board, model):
    with open_core(model) as core, core.lease() as blobs:
        image, output = core.specs.values()
        assert (image.name, image.dtype, image.shape, image.layout) == (
            'images', np.uint8, (1, 4, 5, 3), 'NHWC')
        assert (output.name, output.dtype, output.shape) == ('output', np.float32, (1, 60))
        blobs['images'].data[...] = np.arange(60, dtype=np.uint8).reshape(1, 4, 5, 3)
        core.sync_infer(blobs)
        assert np.array_equal(blobs['output'].data[0], np.arange(60))


def test_seats_take_the_cores_in_turn_and_never_leave_the_choice_to_the_runtime(board, model):
    with open_core(model, seats=5) as core:
        seats, leases = leased(core, 5)
        assert sorted(seat.request.mask for seat in seats) == [1, 1, 2, 2, 4]
        for lease in leases:
            lease.__exit__(None, None, None)


def test_three_seats_run_on_three_cores_at_the_same_time(board, model):
    together = Barrier(3, timeout=TIMEOUT_S)   # breaks unless three runs overlap
    with open_core(model, seats=3) as core:
        board.during_run = lambda lite: together.wait()

        def work(number):
            with core.lease(TIMEOUT_S) as blobs:
                blobs['images'].data[...] = number
                core.sync_infer(blobs)
                return float(blobs['output'].data[0, 0])

        with ThreadPoolExecutor(3) as threads:
            assert list(threads.map(work, range(3))) == [0, 1, 2]
    assert board.runs_of_mask[1] == 2   # one of them when the model was loaded
    assert board.runs_of_mask[2] == board.runs_of_mask[4] == 1


@pytest.mark.parametrize(('uri', 'masks'), [
    ('rknn.0://{}', [1, 2, 4]), ('rknn.1://{}', [1, 1, 1]), ('rknn.3://{}', [4, 4, 4]),
    ('rknn.0://{}?cores=1,2', [2, 2, 4]), ('rknn://{}?together=1', [7, 7, 7]),
    ('rknn://{}?together=1&cores=0,1', [3, 3, 3])])
def test_one_word_chooses_all_cores_or_one(board, model, uri, masks):
    with open_core(uri.format(model), seats=3) as core:
        seats, leases = leased(core, 3)
        assert sorted(seat.request.mask for seat in seats) == masks
        for lease in leases:
            lease.__exit__(None, None, None)


@pytest.mark.parametrize(('words', 'error', 'said'), [
    ('cores=3', Unavailable, ('core 3', '0, 1, 2')), ('cores=0,0', BadValue, ('twice',)),
    ('cores=first', BadValue, ("'first'", '0,1,2')),
    ('cores=1,2&together=1', BadValue, ('together', '1,2'))])
def test_a_core_that_is_not_there_is_refused_before_the_runtime_moves_it(
        board, model, words, error, said):
    with refused(error, *said):
        open_core(f'rknn://{model}?{words}')


def test_a_device_that_is_one_core_takes_no_choice_of_cores(board, model):
    with refused(BadValue, 'rknn.0'):
        open_core(f'rknn.2://{model}?cores=0')


def test_two_cores_are_two_and_a_third_is_not_moved_to_the_first(plug_rknn, tmp_path):
    board = plug_rknn('rk3576')
    model = write_rknn(tmp_path / 'm.rknn', PICTURE, RESULT, targets=('rk3576',))
    with refused(Unavailable, '3'):
        open_core(f'rknn.3://{model}')
    with open_core(f'rknn://{model}', seats=3) as core:
        seats, leases = leased(core, 3)
        assert sorted(seat.request.mask for seat in seats) == [1, 1, 2]
        for lease in leases:
            lease.__exit__(None, None, None)
    assert board.open == []


def test_a_chip_with_one_core_is_given_no_mask_because_it_refuses_any(plug_rknn, tmp_path):
    board = plug_rknn('rk3566')
    board.targets = {'rk3566', 'rk3568'}   # one NPU in two chips
    model = write_rknn(tmp_path / 'm.rknn', PICTURE, RESULT, targets=('rk3568',))
    assert [str(device) for device in devices() if device.scheme == 'rknn'] == [
        'rknn.0 (RK3566 NPU, core 0)']
    with open_core(f'rknn://{model}') as core, core.lease() as blobs:
        core.sync_infer(blobs)
        assert blobs.request.mask == 0


def test_devices_are_the_whole_npu_and_each_core_with_the_versions(board):
    found = [device for device in devices() if device.scheme == 'rknn']
    assert [str(device) for device in found] == [
        'rknn.0 (RK3588 NPU, cores 0 1 2)', 'rknn.1 (RK3588 NPU, core 0)',
        'rknn.2 (RK3588 NPU, core 1)', 'rknn.3 (RK3588 NPU, core 2)']
    for device in found:
        assert device.capabilities.versions['librknnrt'] == '2.5.0'
        assert device.capabilities.versions['rknpu'] == '0.9.8'
        assert not device.capabilities.external_blobs   # the runtime copies both ways
    assert [device.capabilities.max_in_flight for device in found] == [3, 1, 1, 1]


def test_a_machine_without_the_npu_says_what_it_looked_for(plug_rknn, monkeypatch, tmp_path):
    plug_rknn()
    monkeypatch.setattr(rknn_board, 'COMPATIBLE', tmp_path / 'absent')
    (found,) = [each for each in devices() if each.scheme == 'rknn']
    assert 'absent' in found.reason
    assert 'container' in found.reason
    other = tmp_path / 'other'
    other.write_bytes(b'raspberrypi,5-model-b\0brcm,bcm2712\0')
    monkeypatch.setattr(rknn_board, 'COMPATIBLE', other)
    (found,) = [each for each in devices() if each.scheme == 'rknn']
    assert 'raspberrypi,5-model-b' in found.reason


@pytest.mark.parametrize('text', ['rk3588s', 'rk3588'])
def test_the_chips_variants_are_that_chip(plug_rknn, monkeypatch, tmp_path, text):
    plug_rknn()
    (tmp_path / 'compatible').write_bytes(f'xunlong,orangepi-5\0rockchip,{text}\0'.encode())
    assert rknn_board.find_board() == rknn_board.Board('rk3588', 3)


# -- what fails -------------------------------------------------------------------------------

def test_every_second_run_fails_for_500_runs_in_four_threads_and_no_seat_is_lost(board, model):
    with open_core(model, seats=4) as core:
        board.refuse_run = lambda number: ('none', 'raise', None, None)[number % 4]
        ended, lock = {'done': 0, 'failed': 0}, Lock()

        def work(number):
            for k in range(125):
                how = 'done'
                with core.lease(TIMEOUT_S) as blobs:
                    value = (number * 31 + k) % 99
                    blobs['images'].data[...] = value
                    try:
                        core.sync_infer(blobs)
                        assert (blobs['output'].data == value).all()
                    except InferFailed:
                        how = 'failed'
                with lock:
                    ended[how] += 1

        with ThreadPoolExecutor(4) as threads:
            for each in [threads.submit(work, number) for number in range(4)]:
                each.result(TIMEOUT_S * 3)
        assert sum(ended.values()) == 500
        assert 240 <= ended['failed'] <= 260
        board.refuse_run = lambda number: None
        seats, leases = leased(core, 4)   # all four are there, and all run
        for seat in seats:
            core.sync_infer(seat)
        for lease in leases:
            lease.__exit__(None, None, None)
        assert len(board.open) == 4
        assert sorted(lite.mask for lite in board.open) == [1, 1, 2, 4]


@pytest.mark.parametrize('how', ['none', 'raise'])
def test_after_a_failed_run_the_seat_gets_a_new_context_on_the_same_core(board, model, how):
    with open_core(f'rknn.2://{model}', seats=1) as core, core.lease() as blobs:
        first = board.open
        board.refuse_run = lambda number: how
        with refused(InferFailed, 'm.rknn'):
            core.sync_infer(blobs)
        assert board.open == []   # the NPU is given back at once, not at the next run
        board.refuse_run = lambda number: None
        core.sync_infer(blobs)
        (second,) = board.open
        assert second is not first[0]
        assert second.mask == 2


def test_a_context_that_cannot_be_made_anew_fails_each_run_until_it_can(board, model):
    with open_core(model, seats=1) as core:
        board.refuse_run = lambda number: 'none'
        with refused(InferFailed), core.lease() as blobs:
            core.sync_infer(blobs)
        board.refuse_run = lambda number: None
        for how in ('raise', -1, 'raise'):
            board.refuse_start = lambda number, mask, how=how: how
            with core.lease(TIMEOUT_S) as blobs:
                with refused(InferFailed, 'made anew', 'earlier'):
                    core.sync_infer(blobs)
        board.refuse_start = lambda number, mask: None
        with core.lease(TIMEOUT_S) as blobs:
            core.sync_infer(blobs)


def test_a_seat_that_cannot_be_opened_leaves_the_others_and_can_be_tried_again(board, model):
    with open_core(model, seats=2) as core, core.lease():
        board.refuse_start = lambda number, mask: -1
        with refused(LoadFailed, 'init_runtime', 'librknnrt 2.5.0'):
            with core.lease(TIMEOUT_S):
                pass
        board.refuse_start = lambda number, mask: None
        with core.lease(TIMEOUT_S) as blobs:
            core.sync_infer(blobs)
            assert blobs.request.mask == 2   # the failed attempt does not count


def test_a_core_that_refuses_is_told_when_its_seat_is_made(board, model):
    board.refuse_start = lambda number, mask: 'raise' if mask == 4 else None
    with open_core(model, seats=3) as core, core.lease(), core.lease():
        with refused(LoadFailed, 'cannot allocate'), core.lease(TIMEOUT_S):
            pass


def test_an_error_while_loading_leaves_no_context_behind(board, model):
    for refuse in (
            {'refuse_load': True}, {'refuse_start': lambda number, mask: -1},
            {'refuse_start': lambda number, mask: 'raise'},
            {'refuse_run': lambda number: 'none'}, {'refuse_run': lambda number: 'raise'}):
        usual = {name: getattr(board, name) for name in refuse}
        for name, value in refuse.items():
            setattr(board, name, value)
        with refused(LoadFailed, 'm.rknn'):
            open_core(model)
        assert board.open == []
        for name, value in usual.items():
            setattr(board, name, value)
    with open_core(model):
        pass


def test_an_interrupt_in_a_run_is_no_reason_to_keep_a_broken_context(board, model):
    def interrupt(lite):
        raise KeyboardInterrupt

    with open_core(model, seats=1) as core:
        board.during_run = interrupt
        with pytest.raises(KeyboardInterrupt), core.lease() as blobs:
            core.sync_infer(blobs)
        board.during_run = lambda lite: None
        with core.lease(TIMEOUT_S) as blobs:
            core.sync_infer(blobs)


def test_a_release_that_fails_does_not_stop_the_others(board, model, monkeypatch):
    with open_core(model, seats=3) as core:
        _, leases = leased(core, 3)
        for lease in leases:
            lease.__exit__(None, None, None)
        lite = board.open[1]
        real = lite.release

        def release():
            real()
            raise RuntimeError('rknn_destroy failed')

        monkeypatch.setattr(lite, 'release', release)
    assert board.open == []


def test_one_output_more_than_at_first_is_a_failed_inference(board, model):
    with open_core(model, seats=1) as core, core.lease() as blobs:
        board.compute = lambda inputs: [np.zeros((1, 60), np.float32)] * 2
        with refused(InferFailed, '2 outputs', 'expected 1'):
            core.sync_infer(blobs)
