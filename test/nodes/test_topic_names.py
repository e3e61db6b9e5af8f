# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the calibration of an image topic is looked for."""

from faster_deploy_ros.nodes.topic_names import beside
import pytest


@pytest.mark.parametrize(('topic', 'calibration'), [
    ('/camera/image_raw', '/camera/camera_info'),
    ('/image_raw', '/camera_info'),   # global, whatever namespace the node is in
    ('image', 'camera_info'),
    ('left/image_rect', 'left/camera_info'),
    ('~/image', '~/camera_info'),
])
def test_camera_info_lies_beside_the_images_global_or_relative_as_they_are(topic, calibration):
    assert beside(topic, 'camera_info') == calibration
