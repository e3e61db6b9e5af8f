# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A model card is read whole or refused with the key that is wrong."""

from dataclasses import fields
import hashlib
import os
import re
from time import monotonic

from faster_deploy_ros.errors import LoadFailed
from faster_deploy_ros.tasks.card import (
    card_beside,
    InputCard,
    ModelCard,
    OutputCard,
    parse_card,
    read_card,
)
from faster_deploy_ros.tasks.pixels import PixelFormat, YOLOX
from hypothesis import given
from hypothesis import strategies as st
import pytest
import yaml

KEYS = ('family', 'labels', 'input', 'output', 'sha256', 'licence', 'size', 'color', 'scale',
        'mean', 'std', 'letterbox', 'pad', 'layout', 'decoded', 'kind', 'unit', 'name')
plain_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from((*KEYS, 'bgr', 'metric', 'm', 'NCHW', '0' * 64)), st.dates())
yaml_values = st.recursive(plain_values, lambda inner: st.one_of(
    st.lists(inner, max_size=4),
    st.dictionaries(st.one_of(st.sampled_from(KEYS), st.integers()), inner, max_size=4)))

WHOLE = """
family: yolox
labels: [ball, cone, box]
input: {size: [320, 256], color: rgb, scale: 1, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2],
        letterbox: center, pad: 0, layout: NHWC}
output: {decoded: true}
licence: Apache-2.0
source: made here
sha256: "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
accuracy: {ap50: 0.95}
"""


def test_a_whole_card_is_read(tmp_path):
    (tmp_path / 'm.yaml').write_text(WHOLE)
    card = card_beside(tmp_path / 'm.onnx')
    assert card == ModelCard(
        'yolox', ('ball', 'cone', 'box'),
        InputCard((320, 256), 'rgb', 1, (0.5,) * 3, (0.2,) * 3, 'center', 0, 'NHWC'),
        OutputCard(True),
        ('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',))
    assert card.input.pixels(YOLOX) == PixelFormat('rgb', 1, (0.5,) * 3, (0.2,) * 3, 0)


def test_the_cards_of_the_page_are_cards_that_say_every_key(checkout):
    page = (checkout / 'docs' / 'model_cards.md').read_text(encoding='utf-8')
    cards = [parse_card(yaml.safe_load(text))
             for text in re.findall(r'```yaml\n(.*?)```', page, re.DOTALL)]
    assert [card.family for card in cards] == ['yolox', 'metric_depth']
    said = cards[0].overridden(cards[1])
    assert None not in [getattr(said.input, one.name) for one in fields(InputCard)]
    assert None not in [getattr(said.output, one.name) for one in fields(OutputCard)]
    assert said.sha256


def test_a_model_without_a_card_has_none(tmp_path):
    assert card_beside(tmp_path / 'm.onnx') is None
    assert card_beside('host:8001/yolo') is None
    assert card_beside('/') is None


@pytest.mark.parametrize('make', [
    lambda card: card.mkdir(), lambda card: card.symlink_to('nowhere'),
    lambda card: card.symlink_to(card), os.mkfifo], ids=['folder', 'nowhere', 'itself', 'pipe'])
def test_a_card_that_is_no_file_is_not_passed_over_in_silence(tmp_path, make):
    make(tmp_path / 'm.yaml')
    with pytest.raises(LoadFailed, match='it is no file'):
        card_beside(tmp_path / 'm.onnx')


def test_what_a_card_leaves_out_is_the_familys(tmp_path):
    path = tmp_path / 'm.yaml'
    path.write_text('family: yolox\ninput: {pad: 0}\n')
    assert read_card(path).input.pixels(YOLOX) == PixelFormat('bgr', 255, pad=0)


@pytest.mark.parametrize(('text', 'message'), [
    ('famliy: yolox', "key 'famliy', expected one of family, labels.*Did you mean 'family'"),
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
    ('input: {scale: .nan}', 'input.scale: got nan'),
    ('input: {mean: [.inf, 0, 0]}', r'input.mean: got \[inf, 0, 0\], expected 3 numbers'),
    ('input: {size: [640, 480.0]}', r'input.size: got \[640, 480.0\], expected .width, height.'),
    ('input: {size: [1, 999999999]}', 'expected .width, height. in pixels, 1 to 16384'),
    ('input: {layout: CHW}', "input.layout: got 'CHW', expected NCHW or NHWC"),
    ('input: {letterbox: centre}', "got 'centre', expected corner.*Did you mean 'center'"),
    ('input: {color: RGB}', "input.color: got 'RGB', expected bgr or rgb. Did you mean 'rgb'"),
    ('input: false', 'input: got False, expected keys'),
    ('output: {scale: 0}', 'output.scale: got 0, expected a number above 0'),
    ('output: {scale: .inf}', 'output.scale: got inf'),
    ('output: {unit: metres}', "output.unit: got 'metres', expected m or dm or cm or mm"),
    ('output: {kind: inverse}', "output.kind: got 'inverse', expected metric or relative"),
    ('output: {kind: relative, unit: m}', "output: unit is 'm' and kind is 'relative'"),
    ('output: {decoded: true, unit: m}', 'output: decoded is of detectors and unit of depth'),
    ('sha256: abc', "sha256: got 'abc', expected 64 hexadecimal digits"),
    ('sha256: 1234', 'sha256: got 1234, expected 64 .* in quotes'),
    ('sha256: [abc]', r"sha256: got \['abc'\]"),
    ('sha256: []', r'sha256: got \[\]'),
    (f'sha256: ["{"a" * 64}", abc]', r"sha256: got \['a+', 'abc'\]"),
    ('licence: 2', 'licence: got 2, expected a text such as Apache-2.0'),
    ('source: [here]', r"source: got \['here'\], expected a text"),
    ('family: yolox\nfamily: yolov8', "cannot be read .key 'family' is given twice"),
    ('labels: &x [a]\nname: *x', r"cannot be read .'\*x' repeats another part"),
    ('date: 2026-13-40', 'cannot be read .month must be in 1..12'),
    ('name: !!bool perhaps', 'cannot be read .*perhaps'),
    ('name: !!timestamp soon', 'cannot be read'),
    ('name: !!int ""', 'cannot be read'),
    ('name: !!float x', 'cannot be read .could not convert'),
    ('name: "\\UFFFFFFFF"', 'cannot be read'),
    ('a: ' + '[' * 5000, 'cannot be read .*32 deep'),
    ('# ' + 'long ' * 60_000, 'cannot be read .it has more than 256 KiB'),
    ('input: {letterbox: middle}', "input.letterbox: got 'middle', expected corner or center"),
    ('input: {pad: 300}', 'pad: got 300, expected 0 to 255'),
    ('input: {pad: grey}', "input.pad: got 'grey'"),
    ('input: {std: [1, 0, 1]}', 'std: got'),
    ('input: {mean: [1, 2]}', 'input.mean: got'),
    ('input: 3', 'input: got 3, expected keys such as size'),
    ('? [a, b]\n: c', 'cannot be read'),
    ('- a list', 'the page: got'),
    ('', 'the page: got None'),
    ('a: [', 'cannot be read'),
    ('family: !!python/object/apply:os.abort []', 'cannot be read'),
    ('family: ' + '1:' * 120_000 + '1', 'cannot be read .a number has 240001 digits'),
    ('input: {pad: 0x' + 'f' * 5000 + '}', 'cannot be read .a number has 5002 digits'),
    ('!' * 250_000, r'cannot be read .{,400}$'),
])
def test_a_card_that_is_wrong_is_refused_with_its_path_and_the_key(tmp_path, text, message):
    path = tmp_path / 'm.yaml'
    path.write_text(text)
    with pytest.raises(LoadFailed, match=f"model card '.*m.yaml': .*{message}"):
        read_card(path)


def test_a_key_with_nothing_behind_it_says_nothing(tmp_path):
    path = tmp_path / 'm.yaml'
    path.write_text('family:\nlabels:\ninput: {size: }\noutput:\nsha256:\n')
    assert read_card(path) == ModelCard()


def test_a_card_as_large_as_cards_may_be_is_read_in_time(tmp_path):
    path = tmp_path / 'm.yaml'
    path.write_text('labels:\n' + ''.join(f'- class {index:05}\n' for index in range(15_000)))
    begun = monotonic()
    assert len(read_card(path).labels) == 15_000
    assert monotonic() - begun < 30


def digest_of(*contents):
    return hashlib.sha256(b''.join(contents)).hexdigest()


@pytest.mark.parametrize('name', ['m.onnx', 'm.param', 'm.xml'])
def test_a_card_with_the_digest_of_the_models_files_is_about_them(tmp_path, name):
    (tmp_path / name).write_bytes(b'graph')
    contents = [b'graph'] if name == 'm.onnx' else [b'graph', b'weights']
    (tmp_path / 'm.bin').write_bytes(b'weights')
    (tmp_path / 'm.yaml').write_text(f'family: yolox\nsha256: "{digest_of(*contents)}"')
    assert card_beside(tmp_path / name).family == 'yolox'
    (tmp_path / 'm.yaml').write_text(f'sha256: ["{"0" * 64}", "{digest_of(*contents)}"]')
    assert card_beside(tmp_path / name) is not None


@pytest.mark.parametrize(('name', 'changed', 'files'), [
    ('m.onnx', 'm.onnx', "'m.onnx'"), ('m.param', 'm.param', "'m.param' and 'm.bin'"),
    ('m.param', 'm.bin', "'m.param' and 'm.bin'")])
def test_a_card_about_another_file_is_refused_with_both_digests_and_the_remedies(
        tmp_path, name, changed, files):
    (tmp_path / name).write_bytes(b'graph')
    (tmp_path / 'm.bin').write_bytes(b'weights')
    contents = [b'graph'] if name == 'm.onnx' else [b'graph', b'weights']
    (tmp_path / 'm.yaml').write_text(f'sha256: "{digest_of(*contents)}"')
    (tmp_path / changed).write_bytes(b'another')
    with pytest.raises(LoadFailed) as caught:
        card_beside(tmp_path / name)
    text = str(caught.value)
    assert f'about another file: {files} has ' in text
    assert f'expected {digest_of(*contents)[:12]}...' in text
    assert 'or take that line out' in text
    assert '\n' not in text


def test_a_card_beside_no_file_is_not_compared_with_one(tmp_path):
    (tmp_path / 'm.yaml').write_text(f'family: yolox\nsha256: "{"0" * 64}"')
    assert card_beside(tmp_path / 'm.onnx').family == 'yolox'


def test_a_card_overrides_another_field_by_field():
    own = ModelCard('yolox', ('a',), InputCard((32, 32), 'bgr'), OutputCard(True), ('0' * 64,))
    assert own.overridden(ModelCard()) == own
    by = ModelCard(labels=('b',), input=InputCard(color='rgb', pad=0))
    assert own.overridden(by) == ModelCard(
        'yolox', ('b',), InputCard((32, 32), 'rgb', pad=0), OutputCard(True), ('0' * 64,))
    assert own.overridden(ModelCard(sha256=('1' * 64,))).sha256 == ('1' * 64,)


@given(content=yaml_values)
def test_whatever_a_page_holds_it_is_a_card_or_a_short_error(content):
    try:
        said = parse_card(content)
    except (ValueError, TypeError) as error:
        said = str(error)
    assert isinstance(said, ModelCard) or 0 < len(said) < 1000


@given(content=st.one_of(st.binary(max_size=40), st.lists(st.sampled_from((
    'input', 'output:', 'labels: ', '- ', '\n', '  ', '{', '}', '[', ']', ', ', ': ', '&a ', '*a',
    '!!int ', '!!bool ', '!!map ', '!!set ', '!!omap ', '!!binary ', '!!timestamp ', '"', '\\x',
    "'", '0', '1e999', '.nan', '0x', '1:2', '? ', '<<: ', '|', '>', '%', '#', '---', '2026-13-40',
    )), max_size=12).map(lambda words: ''.join(words).encode())))
def test_whatever_bytes_a_file_holds_it_is_a_card_or_one_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / 'any.yaml'
    path.write_bytes(content)
    try:
        said = read_card(path)
    except LoadFailed as error:
        said = str(error)
    assert isinstance(said, ModelCard) or '\n' not in said


def test_a_card_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / 'm.yaml'
    path.write_bytes(b'\xff\xfe\x00\x01')
    with pytest.raises(LoadFailed, match='cannot be read'):
        read_card(path)
