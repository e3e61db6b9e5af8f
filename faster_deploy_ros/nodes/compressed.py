# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Is this a whole JPEG or PNG of a sensible size? Answered before it is decoded.

OpenCV 4 decodes a truncated JPEG to an image that is half grey, without an error, and believes a
header that asks for gigabytes. Damage inside the picture of a whole JPEG cannot be told, a PNG has
checksums. Sources: ITU-T T.81 annex B (JPEG), W3C PNG 5 and 11.2.2.
"""

from faster_deploy_ros.errors import BadFrame

MAX_SIDE = 32767         # OpenCV maps coordinates in 16 bits
MAX_PIXELS = 1 << 27     # 400 MB of bgr8

JPEG = b'\xff\xd8'
JPEG_END = b'\xff\xd9'
JPEG_SCAN = 0xDA
JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}     # SOF0 to SOF15
JPEG_BARE = frozenset(range(0xD0, 0xD8)) | {0x01}                  # markers without a length
PNG = b'\x89PNG\r\n\x1a\n'
PNG_END = b'\x00\x00\x00\x00IEND\xaeB`\x82'

FOREIGN = (
    (b'GIF8', 'a GIF'),
    (b'RIFF', 'a WebP or AVI'),
    (b'BM', 'a BMP'),
    (b'II*\x00', 'a TIFF'),
    (b'MM\x00*', 'a TIFF'),
    (b'\x00\x00\x00\x01', 'an H.264 or H.265 stream'),
    (b'\x00\x00\x01', 'an H.264, H.265 or MPEG stream'),
    (b'\x1f\x8b', 'gzip'),
    (b'\x28\xb5\x2f\xfd', 'zstd'),
)


def check_compressed(data: bytes, form: str, where: str) -> None:
    """
    Refuse what does not hold a whole JPEG or PNG of a sensible size.

    :param form: the message's format field, for what cannot be told from the data.
    :param where: how the error begins.
    :raises BadFrame: with the reason and the remedy.

    Thread: any
    """
    if 'compresseddepth' in form.lower():
        raise BadFrame(
            f'{where}: this is compressedDepth, depth and no picture, expected jpeg or png. '
            'Subscribe to the colour topic.')
    if not data:
        raise BadFrame(
            f'{where}: the compressed data is empty, expected a JPEG or PNG. The encoder '
            'delivers nothing.')
    if data.startswith(JPEG):
        width, height = _read_jpeg(data, where)
    elif data.startswith(PNG):
        width, height = _read_png(data, where)
    else:
        raise BadFrame(
            f'{where}: the data is {_looks_like(data)}, expected a JPEG or PNG. Set the camera '
            'or image_transport to jpeg or png.')
    if width == 0 or height == 0:
        raise BadFrame(
            f'{where}: its header says {width}x{height} pixels, expected at least 1x1. The '
            'encoder is broken.')
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise BadFrame(
            f'{where}: its header asks for {width}x{height} pixels, expected sides up to '
            f'{MAX_SIDE} and {MAX_PIXELS} pixels in all. Is it from a camera?')


def _read_jpeg(data: bytes, where: str) -> tuple[int, int]:
    """Walk the header to the scan, see that the scan ends; return width and height."""
    size = (0, 0)
    at = 2
    while at + 9 < len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker in {0x00, 0xD9}:
            raise BadFrame(
                f'{where}: a corrupt JPEG header at byte {at}, expected a marker there. Look for '
                'loss or a bug between encoder and topic.')
        if marker == 0xFF:   # a fill byte
            at += 1
            continue
        if marker in JPEG_BARE:
            at += 2
            continue
        if marker in JPEG_SIZES:
            size = (int.from_bytes(data[at + 7:at + 9], 'big'),
                    int.from_bytes(data[at + 5:at + 7], 'big'))
        at += 2 + int.from_bytes(data[at + 2:at + 4], 'big')
        if marker == JPEG_SCAN:
            if not data.endswith(JPEG_END) and data.find(JPEG_END, at) < 0:
                raise BadFrame(
                    f'{where}: a JPEG truncated after {len(data)} bytes, expected the end marker '
                    'FF D9. Look for loss between encoder and topic.')
            return size
    raise BadFrame(
        f'{where}: a JPEG of {len(data)} bytes that ends within its header, expected an image. '
        'Look for loss between encoder and topic.')


def _read_png(data: bytes, where: str) -> tuple[int, int]:
    """Read width and height from the first chunk, and see that the last is there."""
    if len(data) < 33 or data[12:16] != b'IHDR':
        raise BadFrame(
            f'{where}: a corrupt PNG header in {len(data)} bytes, expected the chunk IHDR first. '
            'Look for loss or a bug between encoder and topic.')
    if not data.endswith(PNG_END) and PNG_END not in data:
        raise BadFrame(
            f'{where}: a PNG truncated after {len(data)} bytes, expected the chunk IEND. Look '
            'for loss between encoder and topic.')
    return int.from_bytes(data[16:20], 'big'), int.from_bytes(data[20:24], 'big')


def _looks_like(data: bytes) -> str:
    for start, name in FOREIGN:
        if data.startswith(start):
            return name
    if data[4:8] == b'ftyp':
        return 'an AVIF, HEIF or MP4'
    head = data[:64]
    if head.isascii() and head.decode('ascii').isprintable():
        return f'text that begins {head[:24].decode("ascii")!r}'
    if not any(head):
        return 'nothing but zeros at its start'
    return f'of an unknown kind that begins {head[:8].hex(" ")}'
