# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Leave images with the middleware until there is room for them."""

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup


class Tap(MutuallyExclusiveCallbackGroup):
    """
    A callback group whose subscription is not even waited for while there is no room.

    What arrives meanwhile stays in the subscription's history, where a newer image replaces an
    older one at no cost to us; a reliable publisher with a full history has to wait.

    :param has_room: asked before each wait of the executor.

    Thread: ROS
    """

    def __init__(self, has_room: Callable[[], bool]) -> None:
        """Begin with nothing waited for."""
        super().__init__()
        self._has_room = has_room

    def can_execute(self, entity: Any) -> bool:
        """Say whether the subscription's callback may be called now."""
        return self._has_room() and super().can_execute(entity)
