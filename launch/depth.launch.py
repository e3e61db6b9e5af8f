# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Start the depth node on a camera topic: ready to use, whole images through shared memory."""

from faster_deploy_ros.nodes.launch_file import LaunchFile, Override, TopicArgument
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the node."""
    return LaunchFile('depth', [
        Override('depth_encoding', 'depth_encoding', str,
                 '32FC1 (metres) or 16UC1 (millimetres); empty: as in params_file.'),
    ], [
        TopicArgument('input_camera_info_topic', 'camera_info',
                      'Calibration of the images; empty: camera_info beside them.'),
    ]).description()
