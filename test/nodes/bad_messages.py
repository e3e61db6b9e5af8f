# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bad images of every kind: what is wrong in a sentence, the message, what its error says."""

from array import array
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import cv2
from image_messages import (
    compressed_message,
    encoded,
    gradient,
    image_message,
    mosaic,
    pack,
    wide,
)
import numpy as np

PICTURE = gradient()
JPEG = encoded(PICTURE, '.jpg')
PNG = encoded(PICTURE, '.png')
JPEG_SIZE = JPEG.index(b'\xff\xc0') + 5
MIDDLE = len(PNG) // 2


class Bad(NamedTuple):
    """One kind of bad input."""

    kind: str                     # a sentence
    make: Callable[[], Any]       # the message
    says: str                     # a regular expression that its error matches


def image(packed: str = 'bgr8', padding: int = 0, **fields: Any) -> Callable[[], Any]:
    """Return a maker of a good image with some fields made bad."""
    return partial(image_message, pack(PICTURE, packed), packed, PICTURE.shape[:2], padding,
                   **fields)


def odd(encoding: str, height: int, width: int) -> Callable[[], Any]:
    """Return a maker of an image whose size the encoding cannot have."""
    samples = np.zeros((height * 3, width * 2), np.uint8)
    return partial(image_message, samples, encoding, (height, width), step=width * 2)


def stamped(sec: int, nanosec: int) -> Any:
    """Return a good image with another stamp."""
    message = image()()
    message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
    return message


def short(missing: int) -> Any:
    """Return an image with the last bytes missing."""
    message = image()()
    message.data = message.data[:len(message.data) - missing]
    return message


def long(extra: int) -> Any:
    """Return an image with bytes too many."""
    message = image()()
    message.data.extend(array('B', bytes(extra)))
    return message


def compressed(data: bytes, form: str = 'jpeg') -> Callable[[], Any]:
    """Return a maker of a compressed image."""
    return partial(compressed_message, data, form)


def replaced(data: bytes, at: int, new: bytes) -> bytes:
    """Return the data with some bytes overwritten."""
    return data[:at] + new + data[at + len(new):]


BAD_IMAGES = (
    Bad('the width is zero', image(width=0), 'the width is 0'),
    Bad('the height is zero', image(height=0), 'the height is 0'),
    Bad('the width is huge', image(width=2**31), '2147483648x48 .*the width is huge'),
    Bad('the height is huge', image(height=2**32 - 1), '64x4294967295 .*the height is huge'),
    Bad('the size overflows 32 bits in bytes', image(width=32767, height=32767, step=2**31),
        r'cut off after 9216 bytes, expected 70366596694016'),
    Bad('the step is zero', image(step=0), r'the step is 0, expected 192'),
    Bad('the step counts pixels', image(step=64), r'the step is 64, expected at least 192'),
    Bad('the step is one byte short', image(step=191), 'the step is 191, expected at least 192'),
    Bad('the step is huge', image(step=2**32 - 1), 'cut off .*48 rows of 4294967295'),
    Bad('the step of 16-bit samples is odd', image('mono16', padding=1),
        'the step is 129, expected a multiple of 2'),
    Bad('the step is the one of a grey image', image(encoding='bgra8'),
        r'the step is 192, expected at least 256 \(64 pixels of 4 bytes\)'),
    Bad('there is no data', image(data=array('B')), 'the data is empty, expected 9216'),
    Bad('half the data is missing', partial(short, 4608),
        'cut off after 4608 bytes, expected 9216'),
    Bad('the last byte is missing', partial(short, 1), 'cut off after 9215 bytes, expected 9216'),
    Bad('there is a row too many', partial(long, 192), 'has 9408 bytes, more than the 9216'),
    Bad('there is a second image behind the first', partial(long, 9216), 'has 18432 bytes'),
    Bad('a colour image is declared grey', image(encoding='mono8', step=64),
        "'mono8' .*has 9216 bytes, more than the 3072"),
    Bad('a grey image is declared in colour', image('mono8', encoding='rgb8', step=192),
        "'rgb8' .*cut off after 3072"),
    Bad('the chroma of a 4:2:0 image is missing', image('mono8', encoding='nv12'),
        "'nv12' .*cut off after 3072 bytes, expected 4608"),
    Bad('a 4:4:4 image has the chroma of 4:2:0', image('nv21', encoding='nv24'),
        "'nv24' .*cut off after 4608 bytes, expected 9216"),
    Bad('the encoding is empty', image(encoding=''), 'the encoding is empty, expected one of'),
    Bad('the encoding is unknown', image(encoding='h264'), "'h264' .*not known, .*bgr8, rgb8"),
    Bad('the encoding is in capitals', image(encoding='BGR8'), r"Did you mean 'bgr8'\?"),
    Bad('the encoding has a blank too many', image(encoding='rgb8 '), "'rgb8 ' .*mean 'rgb8'"),
    Bad('the encoding is one of depth', image(encoding='32FC1'), "'32FC1' .*not known"),
    Bad('the encoding is one that never ends', image(encoding='x' * 5000), 'xxxx.*not known'),
    Bad('the encoding tries to write lines of its own into the log',
        image(encoding='bgr8\n[INFO] all is well'), r'bgr8\\n\[INFO'),
    Bad('packed 4:2:2 is of odd width', odd('yuv422', 4, 7), "'yuv422' .*the width is odd"),
    Bad('swapped 4:2:2 is of odd width', odd('yuyv', 4, 9), "'yuyv' .*the width is odd"),
    Bad('4:2:0 is of odd width', odd('nv12', 4, 5), "'nv12' .*the width is odd"),
    Bad('4:2:0 is of odd height', odd('nv21', 5, 4), "'nv21' .*the height is odd"),
    Bad('a mosaic is of odd width', odd('bayer_rggb8', 8, 9), "'bayer_rggb8' .*width is odd"),
    Bad('a mosaic is of odd height', odd('bayer_gbrg8', 9, 8), "'bayer_gbrg8' .*height is odd"),
    Bad('a mosaic has nothing to interpolate', odd('bayer_grbg8', 2, 8),
        'the height is 2, expected at least 4'),
    Bad('a mosaic of 16 bits has data of 8',
        partial(image_message, mosaic(PICTURE, 'rggb'), 'bayer_rggb16', step=128),
        "'bayer_rggb16' .*cut off after 3072 bytes"),
    Bad('16-bit colour has the step of 8-bit',
        partial(image_message, wide(PICTURE), 'bgr16', step=192),
        r'the step is 192, expected at least 384 \(64 pixels of 6 bytes\)'),
    Bad('the stamp lies before 1970', partial(stamped, -1, 0), 'the stamp is -1 s and 0 ns'),
    Bad('the nanoseconds are a second and more', partial(stamped, 5, 10**9),
        'the stamp is 5 s and 1000000000 ns'),
)

BAD_COMPRESSED = (
    Bad('a compressed image is empty', compressed(b''), 'the compressed data is empty'),
    Bad('it is a single byte', compressed(b'\xff'), 'unknown kind that begins ff,'),
    Bad('it is zeros', compressed(bytes(5000)), 'nothing but zeros'),
    Bad('it is noise', compressed(bytes(np.random.default_rng(1).bytes(5000))),
        'unknown kind that begins ([0-9a-f]{2} ){7}[0-9a-f]{2},'),
    Bad('it is text', compressed(b'404 Not Found: no such camera'), "text that .*'404 Not Found"),
    Bad('it is a GIF', compressed(b'GIF89a' + bytes(50), 'gif'), 'is a GIF'),
    Bad('it is a WebP', compressed(b'RIFF\x10\0\0\0WEBPVP8 ' + bytes(20), 'webp'), 'is a WebP'),
    Bad('it is a BMP', compressed(encoded(PICTURE, '.bmp'), 'bmp'), 'is a BMP'),
    Bad('it is a TIFF', compressed(encoded(PICTURE, '.tiff'), 'tiff'), 'is a TIFF'),
    Bad('it is an AVIF', compressed(b'\0\0\0\x1cftypavif' + bytes(40), 'avif'), 'is an AVIF'),
    Bad('it is a video stream', compressed(b'\0\0\0\x01\x67\x42' + bytes(40), 'h264'),
        'an H.264 or H.265 stream'),
    Bad('it is gzip', compressed(b'\x1f\x8b\x08' + bytes(40)), 'is gzip'),
    Bad('it is raw pixels', compressed(PICTURE.tobytes(), 'bgr8'), "'bgr8' .*unknown kind"),
    Bad('it is compressed depth', compressed(bytes(12) + PNG, '16UC1; compressedDepth png'),
        'this is compressedDepth'),
    Bad('a JPEG is two bytes', compressed(JPEG[:2]), 'a JPEG of 2 bytes that ends within its he'),
    Bad('a JPEG ends in its header', compressed(JPEG[:150]), 'a JPEG of 150 bytes that ends'),
    Bad('a JPEG ends in its picture', compressed(JPEG[:-200]), 'a JPEG truncated after'),
    Bad('a JPEG lost its last byte', compressed(JPEG[:-1]), 'JPEG truncated after .*end marker'),
    Bad('a JPEG has noise in its header', compressed(replaced(JPEG, 20, b'\x00' * 40)),
        'a corrupt JPEG header at byte 20'),
    Bad('a JPEG has no tables', compressed(
        JPEG[:20] + JPEG[JPEG_SIZE - 5:].replace(b'\xff\xc4', b'\xff\xec')), 'decodes nothing'),
    Bad('a JPEG says it is of zero height',
        compressed(replaced(JPEG, JPEG_SIZE, b'\0\0')), 'says 64x0 pixels'),
    Bad('a JPEG says it is gigantic',
        compressed(replaced(JPEG, JPEG_SIZE, b'\xff\xff\xff\xff')), 'asks for 65535x65535'),
    Bad('a PNG is a signature only', compressed(PNG[:8], 'png'), 'corrupt PNG header in 8 bytes'),
    Bad('a PNG does not begin with IHDR', compressed(replaced(PNG, 12, b'IDAT'), 'png'),
        'corrupt PNG header in [0-9]{3,} bytes'),
    Bad('a PNG is cut off', compressed(PNG[:MIDDLE], 'png'), 'a PNG truncated after'),
    Bad('a PNG says it is of zero width', compressed(replaced(PNG, 16, bytes(4)), 'png'),
        'says 0x48 pixels'),
    Bad('a PNG says it is gigantic', compressed(replaced(PNG, 16, b'\x7f\xff\xff\xff'), 'png'),
        'asks for 2147483647x48'),
    Bad('a PNG is damaged in the middle', compressed(
        replaced(PNG, MIDDLE, bytes(b ^ 0xFF for b in PNG[MIDDLE:MIDDLE + 8])), 'png'),
        "'png' .*decodes nothing"),
)

assert cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR) is not None
