# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Encodings that our table does not know, through cv_bridge where it is installed."""

from functools import cache
from typing import Any

from numpy.typing import NDArray


def bridge_to_bgr(msg: Any) -> NDArray[Any] | None:
    """
    Let cv_bridge make bgr8 of a sensor_msgs/Image.

    :returns: ``(height, width, 3)`` uint8; nothing where cv_bridge cannot be imported.
    :raises Exception: what cv_bridge raises for an image that it cannot read.

    Thread: any
    """
    bridge = _bridge()
    return None if bridge is None else bridge.imgmsg_to_cv2(msg, desired_encoding='bgr8')


@cache
def _bridge() -> Any:
    """Import cv_bridge once; one built for another numpy or OpenCV counts as none."""
    try:
        from cv_bridge import CvBridge
    except Exception:   # ImportError, or AttributeError and SystemError of an ABI mismatch
        return None
    return CvBridge()
