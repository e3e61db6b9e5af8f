# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures, annotations and truths that somebody made to break us end in one line each."""

import io
import json
import struct
from types import SimpleNamespace
import zlib

from faster_deploy_ros.errors import BadFrame, BadValue, InferFailed
from faster_deploy_ros.tasks import DetectionOptions
import numpy as np
import pytest

pytest.importorskip('pycocotools')
coco_file = pytest.importorskip('faster_deploy_ros.tools.evaluate.coco_file')
depth_truth = pytest.importorskip('faster_deploy_ros.tools.evaluate.depth_truth')
opening = pytest.importorskip('faster_deploy_ros.tools.evaluate.opening')

LONG = '9' * 400   # digits: JSON's whole numbers have no end


def annotated(tmp_path, said='', by='', name='1.png'):
    """Read an annotation file of one image in which a text was replaced."""
    (tmp_path / name).touch()
    page = json.dumps({
        'images': [{'id': 1, 'file_name': name}], 'categories': [{'id': 2, 'name': 'cat'}],
        'annotations': [{'image_id': 1, 'category_id': 2, 'bbox': [3, 4, 5, 6]}]})
    assert said in page
    path = tmp_path / 'truth.json'
    path.write_text(page.replace(said, by))
    return coco_file.read_labelled(path, tmp_path)


@pytest.mark.parametrize(('said', 'by', 'message'), [
    ('[3, 4, 5, 6]', f'[3, 4, 1e{LONG}, 6]', 'expected bbox'),
    ('"image_id": 1', '"image_id": [1]', 'image_id'),
    ('"image_id": 1', '"image_id": "1"', "image_id '1', expected a number"),
    ('"image_id": 1, ', '', 'image_id None'),
    ('"category_id": 2', '"category_id": [2]', 'category_id'),
    ('"category_id": 2', '"category_id": {}', 'category_id'),
    ('"id": 1', f'"id": {LONG}', 'expected id and file_name'),
    ('"id": 2', f'"id": {LONG}', 'expected id and name'),
    ('"id": 1', '"id": true', 'expected id and file_name'),
])
def test_what_is_no_number_for_the_tables_is_refused(tmp_path, said, by, message):
    with pytest.raises(BadValue, match=message):
        annotated(tmp_path, said, by)


def test_a_box_of_400_digits_is_a_number_like_any_other(tmp_path):
    sample, = annotated(tmp_path, '[3, 4, 5, 6]', f'[3, 4, 5, {LONG}]').samples
    assert sample.number == 1


def test_a_file_name_that_no_file_can_have_is_not_there(tmp_path):
    with pytest.raises(BadValue, match='none of the 1 images'):
        annotated(tmp_path, '1.png', 'x' * 5000)


def png_of(width, height):
    """Return a picture whose header asks for memory that nobody has."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack(
            '>I', zlib.crc32(kind + data))

    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(
        b'IDAT', zlib.compress(bytes(999))) + chunk(b'IEND', b'')


@pytest.mark.parametrize('content', [
    png_of(60_000, 60_000), b'P6 100000 100000 255\n', b'PF\n100000 100000\n-1\n'])
def test_a_picture_that_asks_for_too_much_memory_fails_alone(tmp_path, content):
    sample, = annotated(tmp_path).samples
    (tmp_path / '1.png').write_bytes(content)
    with pytest.raises(BadFrame, match='OpenCV cannot read it'):
        sample.load()


def npy(header):
    """Return an .npy file with a header and nothing behind it."""
    return b'\x93NUMPY\x01\0' + struct.pack('<H', len(header) + 1) + header.encode() + b'\n'


def archive():
    """Return what np.savez writes."""
    stream = io.BytesIO()
    np.savez(stream, np.ones((8, 8)))
    return stream.getvalue()


SHAPED = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s, 10000000), }"


@pytest.mark.parametrize('content', [
    npy(SHAPED % '1000000'), npy(SHAPED % ('9' * 30)), npy("{'descr': <f4"), npy('(' * 9000),
    npy('{"""'), archive(), b'PK\x03\x04' + b'\xff' * 50, b'\x80\x04\x95', b''])
def test_a_truth_that_is_no_array_fails_alone(tmp_path, content):
    image, truth = tmp_path / '1.png', tmp_path / '1.npy'
    image.write_bytes(png_of(8, 8))
    truth.write_bytes(content)
    with pytest.raises(BadFrame, match=r'1\.npy.: cannot be read as \.npy') as caught:
        depth_truth._numbers(truth)
    assert len(str(caught.value)) < 400 + len(str(truth))


def test_a_runtime_that_hangs_does_not_hide_why_the_run_ends():
    class Hanging:

        def unload(self):
            raise InferFailed('1 of 1 seats are still leased')

    def work():
        orders = SimpleNamespace(
            model='m.onnx', seats=1, card=SimpleNamespace(open=lambda *_: None))
        with opening.opened(orders, DetectionOptions()):
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, 'open_core', lambda *_, **__: Hanging())
        patch.setattr(opening, '_expect_task', lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            work()
