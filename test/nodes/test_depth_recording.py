# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth maps laid into a file: real values, a bounded file, whatever the encoding."""

import pytest

pytest.importorskip('rclpy')
from faster_deploy_ros.nodes.depth_recording import depth_of, Kept, MapFile, SIDE
import numpy as np
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros


def ramp(width, height):
    return np.arange(width * height, dtype=np.float32).reshape(height, width)


def message_of(values, encoding, padding=0):
    rows = np.zeros((values.shape[0], values.strides[0] + padding), np.uint8)
    rows[:, :values.strides[0]] = values.view(np.uint8).reshape(values.shape[0], -1)
    return Image(height=values.shape[0], width=values.shape[1], encoding=encoding,
                 step=rows.shape[1], is_bigendian=int(values.dtype.byteorder == '>'),
                 data=rows.tobytes())


def read(path, kept):
    return np.fromfile(path, np.float32, kept.rows * kept.columns,
                       offset=kept.offset).reshape(kept.rows, kept.columns)


@pytest.mark.parametrize(('size', 'step'), [
    ((160, 120), 1), ((320, 240), 1), ((321, 240), 2), ((640, 480), 2), ((480, 1920), 6)])
def test_a_map_is_thinned_to_pixels_that_were_published(tmp_path, size, step):
    maps = MapFile(tmp_path / 'new' / 'maps', every=1)
    full = ramp(*size)
    kept = maps.add(full)
    maps.close()
    thin = read(tmp_path / 'new' / 'maps', kept)
    assert kept.step == step
    np.testing.assert_array_equal(thin, full[step // 2::step, step // 2::step])
    assert max(thin.shape) <= SIDE


def test_maps_of_different_sizes_lie_one_after_another(tmp_path):
    maps = MapFile(tmp_path / 'maps', every=1)
    all_kept = [maps.add(ramp(width, 10) + width) for width in (30, 640, 20)]
    maps.close()
    assert all_kept[0] == Kept(0, 10, 30, 1)
    assert all_kept[1].offset == 10 * 30 * 4
    for kept, width in zip(all_kept, (30, 640, 20)):
        assert read(tmp_path / 'maps', kept)[0, 0] == width + kept.step // 2 * (width + 1)


def test_of_a_long_run_every_so_many_th_map_is_kept(tmp_path):
    maps = MapFile(tmp_path / 'maps', every=3)
    kept = [maps.add(ramp(8, 8)) is not None for _ in range(8)]
    maps.close()
    assert kept == [True, False, False, True, False, False, True, False]
    assert (tmp_path / 'maps').stat().st_size == 3 * 8 * 8 * 4


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('padding', [0, 8])
def test_metres_and_millimetres_are_read_alike(order, padding):
    metres = np.array([[1.5, np.nan, 0.25], [60.0, 2.0, 3.0]], np.float32)
    mm = np.array([[1500, 0, 250], [60000, 2000, 3000]], f'{order}u2')
    np.testing.assert_array_equal(
        depth_of(message_of(metres.astype(f'{order}f4'), '32FC1', padding)), metres)
    np.testing.assert_allclose(depth_of(message_of(mm, '16UC1', padding)), metres, rtol=1e-6)


def test_another_encoding_is_refused():
    with pytest.raises(ValueError, match="encoding 'mono8', expected 32FC1 or 16UC1"):
        depth_of(message_of(np.zeros((2, 2), np.uint8), 'mono8'))
