# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A model of two inputs and finished boxes in the node: compressed images of any size."""

from pathlib import Path

from image_messages import compressed_message
import pytest
from sensor_msgs.msg import CompressedImage

from rig import DEEP  # isort: skip

pytestmark = [pytest.mark.ros, pytest.mark.core]


def test_compressed_images_of_two_sizes_each_get_their_own_boxes(rig, shared_data):
    pytest.importorskip('onnxruntime')
    model = shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx'
    bench = rig(
        model=str(model), family='auto', image_transport='compressed', class_id_format='name',
        class_agnostic_nms=True, confidence_threshold=0.5)
    bench.camera = bench.bench.create_publisher(CompressedImage, 'image/compressed', DEEP)
    bench.start()
    for name in ('bus', 'zidane', 'bus'):    # 810x1080, 1280x720
        jpeg = Path(shared_data / 'images' / f'{name}.jpg').read_bytes()
        bench.camera.publish(compressed_message(jpeg, 'jpeg'))
    bench.until(lambda: len(bench.results) == 3)
    bus, zidane, again = (
        [(each.results[0].hypothesis.class_id, each.bbox.center.position.x,
          each.bbox.center.position.y) for each in result.detections] for result in bench.results)
    # The centres of the boxes in the data folder's README.
    assert [label for label, _, _ in bus] == ['person', 'person', 'person', 'bus']
    assert bus[0][1:] == pytest.approx((133, 646), abs=3)
    assert bus[3][1:] == pytest.approx((415.5, 475.5), abs=3)
    assert [label for label, _, _ in zidane][:2] == ['person', 'person']
    assert {x > 640 for label, x, _ in zidane if label == 'person'} == {True, False}
    assert again == bus
    bench.stop()
