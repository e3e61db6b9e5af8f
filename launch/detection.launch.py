# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Start the detection node on a camera topic: ready to use, whole images through shared memory."""

from faster_deploy_ros.nodes.launch_file import LaunchFile, Override
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the node."""
    return LaunchFile('detection', [
        Override('threshold', 'confidence_threshold', float,
                 'Least score of a detection, 0.0 to 1.0; empty: as in params_file.'),
    ]).description()
