# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A model card is read whole or refused with the key that is wrong."""

from faster_deploy_ros.errors import LoadFailed
from faster_deploy_ros.tasks.card import card_beside, InputCard, ModelCard, OutputCard, read_card
from faster_deploy_ros.tasks.pixels import PixelFormat, YOLOX
import pytest

WHOLE = """
family: yolox
labels: [ball, cone, box]
input: {size: [320, 256], color: rgb, scale: 1, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2],
        letterbox: center, pad: 0}
output: {decoded: true}
licence: Apache-2.0
source: made here
sha256: abc
accuracy: {ap50: 0.95}
"""


def test_a_whole_card_is_read(tmp_path):
    (tmp_path / 'm.yaml').write_text(WHOLE)
    card = card_beside(tmp_path / 'm.onnx')
    assert card == ModelCard(
        'yolox', ('ball', 'cone', 'box'),
        InputCard((320, 256), 'rgb', 1, (0.5,) * 3, (0.2,) * 3, 'center', 0), OutputCard(True))
    assert card.input.pixels(YOLOX) == PixelFormat('rgb', 1, (0.5,) * 3, (0.2,) * 3, 0)


def test_a_model_without_a_card_has_none(tmp_path):
    assert card_beside(tmp_path / 'm.onnx') is None
    assert card_beside('host:8001/yolo') is None
    assert card_beside('/') is None


def test_what_a_card_leaves_out_is_the_familys(tmp_path):
    path = tmp_path / 'm.yaml'
    path.write_text('family: yolox\ninput: {pad: 0}\n')
    assert read_card(path).input.pixels(YOLOX) == PixelFormat('bgr', 255, pad=0)


@pytest.mark.parametrize(('text', 'message'), [
    ('famliy: yolox', "unknown key 'famliy', expected one of family, labels"),
    ('input: {colour: bgr}', "input: unknown key 'colour', expected one of size, color"),
    ('output: {raw: true}', "output: unknown key 'raw'"),
    ('output: {decoded: 1}', 'output.decoded: got 1, expected true or false'),
    ('family: 3', 'family: got 3'),
    ('labels: ball', "labels: got 'ball', expected a list"),
    ('labels: [yes, no]', 'label 0: got True, expected a text .in YAML, quote it'),
    ('input: {size: 416}', 'input.size: got 416, expected 2 numbers'),
    ('input: {size: [416, 0]}', r'input.size: got \[416, 0\]'),
    ('input: {color: grey}', "input.color: got 'grey', expected bgr or rgb"),
    ('input: {scale: 2}', 'input.scale: got 2, expected 255 or 1'),
    ('input: {scale: true}', 'input.scale: got True'),
    ('input: {letterbox: middle}', "input.letterbox: got 'middle', expected corner or center"),
    ('input: {pad: 300}', 'pad: got 300, expected 0 to 255'),
    ('input: {pad: grey}', "input.pad: got 'grey'"),
    ('input: {std: [1, 0, 1]}', 'std: got'),
    ('input: {mean: [1, 2]}', 'input.mean: got'),
    ('input: 3', 'input: got 3, expected keys such as size'),
    ('- a list', 'the page: got'),
    ('', 'the page: got None'),
    ('a: [', 'cannot be read'),
    ('family: !!python/object/apply:os.abort []', 'cannot be read'),
])
def test_a_card_that_is_wrong_is_refused_with_its_path_and_the_key(tmp_path, text, message):
    path = tmp_path / 'm.yaml'
    path.write_text(text)
    with pytest.raises(LoadFailed, match=f"model card '.*m.yaml': .*{message}"):
        read_card(path)


def test_a_card_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / 'm.yaml'
    path.write_bytes(b'\xff\xfe\x00\x01')
    with pytest.raises(LoadFailed, match='cannot be read'):
        read_card(path)
