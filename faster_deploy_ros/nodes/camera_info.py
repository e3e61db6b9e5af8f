# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/CameraInfo as the pinhole of a rectified image, and back."""

from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.pinhole import Pinhole
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

# Pixels: what is beyond is no lens, and would put points where a float32 ends.
SHORTEST, LARGEST = 1e-3, 1e9
NO_ROTATION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def read_camera_info(message: CameraInfo) -> Pinhole:
    """
    Return the projection onto the images that a calibration belongs to, as they arrive.

    It is P, the projection of the rectified image; K where P is empty, as drivers leave it that
    rectify nothing. The region of interest is cut out of the calibrated image first, then pixels
    are binned; what is left is the size of the images.

    :raises BadFrame: not calibrated, or no projection of a pinhole.

    Thread: any
    """
    where = f'camera_info {message.width}x{message.height}'
    named, (fx, skew, cx, tx, low, fy, cy, ty, *last) = _projection(message)
    values = (fx, skew, cx, tx, low, fy, cy, ty, *last)
    if not any(values):
        raise BadFrame(
            f'{where}: K and P are zero: the camera is not calibrated. Calibrate it '
            '(camera_calibration), or give its driver the calibration file.')
    if not all(abs(value) < LARGEST for value in values) or min(fx, fy) < SHORTEST:
        raise BadFrame(
            f'{where}: {named} has focal lengths {fx:g} and {fy:g} and centre {cx:g}, {cy:g}; '
            f'expected finite numbers of less than {LARGEST:g} pixels, the focal lengths at '
            f'least {SHORTEST:g}. Correct the calibration file.')
    if skew or low or tuple(last) != (0.0, 0.0, 1.0, 0.0):
        raise BadFrame(
            f'{where}: {named} is no projection of a pinhole, expected '
            '[fx 0 cx, 0 fy cy, 0 0 1] row by row. Correct the calibration file.')
    pinhole = Pinhole(message.width, message.height, fx, fy, cx, cy, tx, ty)
    return _as_delivered(pinhole, message, where)


def is_distorted(message: CameraInfo) -> bool:
    """Tell whether the lens bends: then an image that is not rectified does not fit a pinhole."""
    return any(message.d)


def camera_info_message(header: Header, pinhole: Pinhole) -> CameraInfo:
    """
    Describe an image without distortion: D is zero, R turns nothing, K is the left part of P.

    Thread: any
    """
    row_x = (pinhole.fx, 0.0, pinhole.cx)
    row_y = (0.0, pinhole.fy, pinhole.cy)
    return CameraInfo(
        header=header, width=pinhole.width, height=pinhole.height,
        distortion_model='plumb_bob', d=[0.0] * 5, k=[*row_x, *row_y, 0.0, 0.0, 1.0],
        r=list(NO_ROTATION), p=[*row_x, pinhole.tx, *row_y, pinhole.ty, 0.0, 0.0, 1.0, 0.0])


def _projection(message: CameraInfo) -> tuple[str, list[float]]:
    """Return the name of the matrix that says it, and its three rows of four."""
    if any(message.p):
        return 'P', [float(number) for number in message.p]
    k = [float(number) for number in message.k]
    return 'K', [*k[0:3], 0.0, *k[3:6], 0.0, *k[6:9], 0.0]


def _as_delivered(pinhole: Pinhole, message: CameraInfo, where: str) -> Pinhole:
    roi = message.roi
    if roi.width and roi.height:
        if roi.x_offset + roi.width > message.width or roi.y_offset + roi.height > message.height:
            raise BadFrame(
                f'{where}: the region of interest {roi.width}x{roi.height} at {roi.x_offset}, '
                f'{roi.y_offset} is not inside. Correct the driver.')
        pinhole = pinhole.cropped(roi.x_offset, roi.y_offset, roi.width, roi.height)
    binned = (pinhole.width // max(message.binning_x, 1),
              pinhole.height // max(message.binning_y, 1))
    if not all(binned):
        raise BadFrame(
            f'{where}: after region of interest and binning the image is {binned[0]}x{binned[1]}, '
            'expected at least 1x1. Width and height are the calibrated size, in pixels.')
    # Of a size that the binning does not divide, the last columns are not delivered.
    whole = pinhole.cropped(0, 0, binned[0] * max(message.binning_x, 1),
                            binned[1] * max(message.binning_y, 1))
    return whole.resized(binned)
