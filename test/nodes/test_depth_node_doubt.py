# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A depth node whose unit is hard to believe says so once, and publishes all the same."""

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from depth_rig import depth_of, DepthRig, metres, metric_net

pytestmark = [pytest.mark.ros, pytest.mark.core]


@pytest.mark.parametrize(('unit', 'factor', 'warns'), [('m', 1, False), ('mm', 0.001, True)])
def test_millimetres_of_a_room_are_doubted_once(ros, tmp_path, capfd, unit, factor, warns):
    bench = DepthRig(model=metric_net(tmp_path / 'net.onnx', unit))
    try:
        bench.start()
        bench.serve(3)
        assert len(bench.results) == 3
        assert depth_of(bench.results[-1]).mean() == pytest.approx(factor * metres(90), rel=1e-3)
    finally:
        bench.close()
    said = [line for line in capfd.readouterr().err.splitlines() if 'is its unit' in line]
    assert len(said) == int(warns), said
    if warns:
        assert 'is its unit mm (card.output.unit)?' in said[0]
