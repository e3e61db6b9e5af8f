# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The door between ROS messages and plain data: images in, detections out."""

import difflib
from typing import Any

import cv2
from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes.bridge import bridge_to_bgr
from faster_deploy_ros.nodes.compressed import check_compressed, MAX_SIDE
from faster_deploy_ros.nodes.detection_messages import (
    detections_to_message,
    label_info_message,
    message_to_detections,
)
from faster_deploy_ros.nodes.encodings import Encoding, ENCODINGS
import numpy as np
from numpy.typing import NDArray

__all__ = [
    'compressed_to_frame',
    'detections_to_message',
    'image_to_frame',
    'label_info_message',
    'message_to_detections',
]

LONGEST_QUOTE = 48


def image_to_frame(msg: Any) -> Frame:
    """
    Read a sensor_msgs/Image; bgr8, rgb8 and 8UC3 become a view of the message, without a copy.

    The padding of the last row may be missing, and less than one row may follow it. Anything
    else that does not add up is refused: an image of the wrong shape would give wrong boxes.

    :param msg: the message, or a look-alike whose data is ``bytes``, a ``memoryview``, an
        ``ndarray`` or a list.
    :returns: ``(height, width, 3)`` uint8, read-only where it is a view.
    :raises BadFrame: the size, step, encoding, stamp or data is wrong.

    Thread: any
    """
    where = (f'image {msg.width}x{msg.height} {_quoted(msg.encoding)} from '
             f'{_quoted(msg.header.frame_id)}')
    stamp_ns = _stamp_ns(msg.header.stamp, where)
    _check_size(msg.width, msg.height, where)
    encoding = ENCODINGS.get(msg.encoding)
    if encoding is None:
        return _foreign(msg, stamp_ns, where)
    _check_layout(msg, encoding, where)
    samples = _view(msg, encoding, where)
    if encoding.to_bgr is None:
        return Frame(stamp_ns, msg.header.frame_id, samples, encoding.order)
    try:
        return Frame(stamp_ns, msg.header.frame_id, encoding.to_bgr(samples))
    except cv2.error as error:
        raise BadFrame(
            f'{where}: OpenCV {cv2.__version__} cannot convert it ({_one_line(error)}). '
            'Publish bgr8 or rgb8 instead.') from error


def compressed_to_frame(msg: Any) -> Frame:
    """
    Decode a sensor_msgs/CompressedImage that holds a JPEG or a PNG.

    What the data begins with decides, not the format field, which publishers fill in freely. An
    EXIF orientation is ignored: boxes are in the pixels that camera_info speaks of.

    :param msg: the message or a look-alike whose data is a buffer of bytes.
    :returns: ``(height, width, 3)`` uint8 in the order bgr8; 16-bit samples are cut to 8.
    :raises BadFrame: the data is empty, truncated, corrupt, huge or of another kind.

    Thread: any
    """
    where = f'compressed image {_quoted(msg.format)} from {_quoted(msg.header.frame_id)}'
    stamp_ns = _stamp_ns(msg.header.stamp, where)
    data = _buffer(msg.data, where).tobytes()
    check_compressed(data, msg.format, where)
    try:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise BadFrame(
            f'{where}: OpenCV {cv2.__version__} cannot decode it ({_one_line(error)}). '
            'See whether another viewer can.') from error
    if image is None:
        raise BadFrame(
            f'{where}: {len(data)} bytes with a whole frame around them and damaged content, '
            'OpenCV decodes nothing. Look for loss or a bug between encoder and topic.')
    return Frame(stamp_ns, msg.header.frame_id, image)


def _stamp_ns(stamp: Any, where: str) -> int:
    if stamp.sec < 0 or not 0 <= stamp.nanosec < 1_000_000_000:
        raise BadFrame(
            f'{where}: the stamp is {stamp.sec} s and {stamp.nanosec} ns, expected a time since '
            '1970 with nanoseconds below 1000000000. Correct the clock or the driver.')
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _check_size(width: int, height: int, where: str) -> None:
    for name, side in (('width', width), ('height', height)):
        if side == 0:
            raise BadFrame(
                f'{where}: the {name} is 0, expected at least 1. The publisher sends messages '
                'before it has an image.')
        if side > MAX_SIDE:
            raise BadFrame(
                f'{where}: the {name} is huge, expected at most {MAX_SIDE}. Is the message '
                'corrupt, or its layout another?')


def _check_layout(msg: Any, encoding: Encoding, where: str) -> None:
    row_bytes = msg.width * encoding.pixel_bytes
    for name, side, multiple in (('width', msg.width, encoding.width_multiple),
                                 ('height', msg.height, encoding.height_multiple)):
        if side % multiple:
            raise BadFrame(
                f'{where}: the {name} is odd, expected an even one: {msg.encoding} shares '
                'colour between neighbours. Crop the image by one.')
        if side < encoding.smallest:
            raise BadFrame(
                f'{where}: the {name} is {side}, expected at least {encoding.smallest} to '
                f'interpolate colour. Is this a {msg.encoding} image?')
    if msg.step == 0:
        raise BadFrame(
            f'{where}: the step is 0, expected {row_bytes} bytes per row or more. The publisher '
            'has not filled it in.')
    if msg.step < row_bytes:
        raise BadFrame(
            f'{where}: the step is {msg.step}, expected at least {row_bytes} '
            f'({msg.width} pixels of {encoding.pixel_bytes} bytes). The step counts bytes, not '
            'pixels; or the encoding is another.')
    if msg.step % encoding.dtype.itemsize:
        raise BadFrame(
            f'{where}: the step is {msg.step}, expected a multiple of 2 bytes for 16-bit '
            'samples. Correct the padding of the publisher.')


def _view(msg: Any, encoding: Encoding, where: str) -> NDArray[Any]:
    """Return the samples as ``(rows, width[, channels])``, padding skipped, nothing copied."""
    data = _buffer(msg.data, where)
    rows = encoding.rows(msg.height)
    row_bytes = msg.width * encoding.pixel_bytes
    needed = msg.step * (rows - 1) + row_bytes
    if data.size == 0:
        raise BadFrame(
            f'{where}: the data is empty, expected {msg.step * rows} bytes. The publisher sends '
            'a header without an image.')
    if data.size < needed:
        raise BadFrame(
            f'{where}: the data is cut off after {data.size} bytes, expected {msg.step * rows} '
            f'({rows} rows of {msg.step}). Look for loss before the publisher; or the height, '
            'step or encoding is another.')
    if data.size >= msg.step * (rows + 1):
        raise BadFrame(
            f'{where}: the data has {data.size} bytes, more than the {msg.step * rows} expected '
            f'({rows} rows of {msg.step}). The height, step or encoding is another.')
    dtype = encoding.dtype.newbyteorder('>' if msg.is_bigendian else '<')
    if encoding.channels == 1:
        return np.ndarray((rows, msg.width), dtype, data, strides=(msg.step, dtype.itemsize))
    return np.ndarray((rows, msg.width, encoding.channels), dtype, data,
                      strides=(msg.step, encoding.pixel_bytes, dtype.itemsize))


def _buffer(data: Any, where: str) -> NDArray[np.uint8]:
    """Return any bytes as a flat read-only array; only a list is copied."""
    try:
        flat = np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError):   # no buffer, or an empty one
        flat = _listed(data, where)
    flat.flags.writeable = False
    return flat


def _listed(data: Any, where: str) -> NDArray[np.uint8]:
    try:
        listed = bytes(iter(data))
    except (TypeError, ValueError) as error:
        raise BadFrame(
            f'{where}: the data is no buffer of bytes ({error}), expected uint8[]. Fill it with '
            "bytes or array('B').") from error
    return np.frombuffer(listed, np.uint8) if listed else np.empty(0, np.uint8)


def _quoted(text: str) -> str:
    """Quote what a stranger sent: on one line, and not longer than is of use."""
    return repr(text if len(text) <= LONGEST_QUOTE else f'{text[:LONGEST_QUOTE]}...')


def _foreign(msg: Any, stamp_ns: int, where: str) -> Frame:
    """Ask cv_bridge, where there is one, for an encoding that the table does not know."""
    try:
        image = bridge_to_bgr(msg)
        if image is not None:
            return Frame(stamp_ns, msg.header.frame_id, image)
    except Exception as error:   # whatever cv_bridge raises or returns, the frame is what fails
        raise BadFrame(
            f'{where}: we do not know this encoding, and cv_bridge makes no bgr8 of it '
            f'({_one_line(error)}), expected one that either knows. Known: '
            f'{", ".join(ENCODINGS)}.') from error
    guess = difflib.get_close_matches(msg.encoding[:LONGEST_QUOTE].lower(), ENCODINGS, n=1)
    remedy = f"Did you mean '{guess[0]}'?" if guess else (
        'Set the camera to one of them, or install cv_bridge.')
    what = 'this encoding is not known' if msg.encoding else 'the encoding is empty'
    raise BadFrame(f'{where}: {what}, expected one of {", ".join(ENCODINGS)}. {remedy}')


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
