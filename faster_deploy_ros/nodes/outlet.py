# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the results of a node go."""

from typing import Any

from rclpy.publisher import Publisher


class Outlet:
    """
    One topic that gets every result; a node with several has an outlet of its own.

    Thread: ROS
    """

    def __init__(self, publisher: Publisher) -> None:
        """Publish there."""
        self.publish = publisher.publish
        self.topics = publisher.topic_name

    def wanted(self) -> Any:
        """Say, when a frame is submitted, what is to be made of it; None: always the same."""
        return None
