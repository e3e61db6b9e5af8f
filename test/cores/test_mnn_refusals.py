# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""MNN trusts every number in a file; what it is given has been read before."""

import subprocess
import sys

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.mnn.file import DeclaredInput, read_mnn
from faster_deploy_ros.errors import LoadFailed
from mnn_models import mnn_models_fixture  # noqa: F401
import numpy as np
import pytest

pytest.importorskip('faster_deploy_ros.cores.mnn_core', reason='needs the package MNN')
pytest.importorskip('onnx', reason='needs the package onnx to make its models')

pytestmark = pytest.mark.core
# Opens each file of a folder and says what came of it; a crash ends it with a signal.
OPENER = """
import sys
from pathlib import Path
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import LoadFailed
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        open_core(f'mnn://{path}', seats=1).unload()
        print(path.name, 'loaded')
    except LoadFailed as error:
        print(path.name, 'refused' if str(error).count(path.name) else error)
"""


def test_the_file_tells_names_shapes_and_order(mnn_models):
    found = read_mnn(mnn_models('two_inputs').read_bytes())
    assert found.inputs == (
        DeclaredInput('left', (2, 3), 'float32'), DeclaredInput('right', (2, 3), 'float32'))
    assert found.outputs == ('total', 'product')
    assert found.version.count('.') == 2
    opened = read_mnn(mnn_models('dynamic_identity').read_bytes())
    assert opened.inputs == (DeclaredInput('x', (1, 3, -1, -1), 'float32'),)


def test_a_real_file_is_read_in_milliseconds_and_right(shared_data):
    found = read_mnn((shared_data / 'models' / 'yolox_nano.mnn').read_bytes())
    assert found.inputs == (DeclaredInput('images', (1, 3, 416, 416), 'float32'),)
    assert found.outputs == ('output',)


@pytest.mark.parametrize('name', ['two_inputs', 'gather', 'with_metadata', 'wrong_outputs'])
def test_whatever_is_damaged_the_reader_ends_with_a_result_or_its_own_error(mnn_models, name):
    good = mnn_models(name).read_bytes()
    rng = np.random.default_rng(3)
    refusals = 0
    for _ in range(500):
        damaged = bytearray(good)
        for _ in range(rng.integers(1, 5)):
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        if rng.random() < 0.2:
            del damaged[rng.integers(len(damaged)):]
        try:
            read_mnn(bytes(damaged))
        except ValueError:
            refusals += 1
    assert 150 < refusals < 500


def test_files_that_are_cut_short_or_foreign_never_reach_mnn(mnn_models, shared_data, tmp_path):
    """In a process of its own: at some of these MNN alone would crash."""
    rng = np.random.default_rng(4)
    nano = (shared_data / 'models' / 'yolox_nano.mnn').read_bytes()
    for source, good in (('gather', mnn_models('gather').read_bytes()), ('nano', nano)):
        for number, part in enumerate(rng.integers(1, len(good) - 8, 24)):
            (tmp_path / f'{source}_cut{number}.mnn').write_bytes(good[:part])
    (tmp_path / 'onnx.mnn').write_bytes(
        (shared_data / 'models' / 'yolox_nano.onnx').read_bytes())
    (tmp_path / 'noise.mnn').write_bytes(rng.bytes(5000))
    (tmp_path / 'zeros.mnn').write_bytes(bytes(5000))
    (tmp_path / 'flipped.mnn').write_bytes(bytes(255 - byte for byte in nano[:5000]))
    done = subprocess.run(
        [sys.executable, '-c', OPENER, tmp_path], capture_output=True, text=True, timeout=100,
        check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 52
    assert [line for line in lines if not line.endswith(' refused')] == []


def test_wrong_references_in_a_whole_file_are_refused(mnn_models, capfd):
    good = mnn_models('two_inputs').read_bytes()
    text = good.index(b'product')
    for damaged in (
            good[:text - 4] + b'\xff\xff\xff\x7f' + good[text:],   # a name of two gigabytes
            b'\xf0\xff' + good[2:]):                                # the tables lie elsewhere
        with refused(LoadFailed, 'damaged', 'model'):
            open_core('mnn://damaged', source=damaged)
    assert capfd.readouterr() == ('', '')


def test_an_output_that_no_operator_writes_is_refused(mnn_models):
    """The name is there as the operator's own, as the tensor's and as the output's."""
    parts = mnn_models('two_inputs').read_bytes().split(b'product')
    outcomes = []
    for changed in range(1, len(parts)):
        damaged = b'product'.join(parts[:changed]) + b'prodigy' + b'product'.join(parts[changed:])
        try:
            outcomes.append(read_mnn(damaged).outputs)
        except ValueError as error:
            outcomes.append(str(error).partition(' writes ')[0])
    assert sorted(map(str, outcomes)) == [
        "('total', 'product')", 'no operator', 'no operator']


def test_onnx_is_refused_with_the_way_to_convert_it(tiny_models, tmp_path):
    path = tmp_path / 'model.mnn'
    path.write_bytes(tiny_models('identity').read_bytes())
    with refused(LoadFailed, 'model.mnn', 'faster-deploy convert', '--to mnn'):
        open_core(path)
    with refused(LoadFailed, 'identity.onnx', 'faster-deploy convert', '--to mnn'):
        open_core(f"mnn://{tiny_models('identity')}")


def test_the_file_of_another_runtime_is_not_called_damaged(tmp_path):
    for ending, owner in (('param', 'ncnn'), ('rknn', 'rknn')):
        path = tmp_path / f'model.{ending}'
        path.write_bytes(b'7767517\n1 1\n' * 9)
        with refused(LoadFailed, path.name, f"ending is {owner}'s", f'{owner}://', '--to mnn'):
            open_core(f'mnn://{path}')


def test_shapes_that_depend_on_the_data_are_refused_with_the_reason(mnn_models, capfd):
    """The session API cannot compute them, and only prints why."""
    path = mnn_models('nonzero')
    capfd.readouterr()
    with refused(LoadFailed, 'nonzero.mnn', 'shape compute', 'onnxruntime'):
        open_core(path)
    assert capfd.readouterr() == ('', '')
