# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a model's metadata says of its size is a size, or nothing."""

from faster_deploy_ros.tasks.image_input import metadata_size
import pytest


@pytest.mark.parametrize('text', ['[480, 640]', '(480, 640)', '480,640', ' [ 480 , 640 ] '])
def test_a_size_is_read_in_any_usual_notation(text):
    assert metadata_size({'imgsz': text}) == (640, 480)


@pytest.mark.parametrize('text', [
    '', '640', '[640]', '[a, b]', '[-1, 640]', '[0, 0]', '[0, 640]', '[1e3, 640]',
    '[999999, 640]', f'[{"9" * 5000}, 640]'])
def test_what_no_picture_can_have_is_no_size(text):
    assert metadata_size({'imgsz': text}) is None
