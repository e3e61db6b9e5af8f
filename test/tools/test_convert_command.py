# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``faster-deploy convert`` as a process: codes, interrupts, two at once."""

import hashlib
import json
from pathlib import Path
import signal
import subprocess
import sys

from command_line import environ, HERE, is_alive, names, wait_until
import pytest
import yaml

PLANTED = HERE / 'planted_converters.py'


def start(name, model, *words):
    return subprocess.Popen(
        [sys.executable, str(PLANTED), name, str(model), *map(str, words)], env=environ(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(process):
    with process:
        out, said = process.communicate(timeout=100)
    return process.returncode, out, said


def test_json_is_json_alone(shapes_model, folder):
    code, out, said = finish(start('right', shapes_model, '--output', folder, '--json'))
    page = json.loads(out)
    assert code == 0, said
    assert page['files'][0].endswith('shapes_yolox_onnxruntime.onnx')
    assert page['parity']['agrees'] is True
    assert 'comparing with the original' in said


def test_a_suspect_result_is_code_1_and_says_what_to_do(shapes_model, folder):
    code, out, _ = finish(start('wrong', shapes_model, '--output', folder))
    assert code == 1
    assert "SUSPECT: output 'output': cosine" in out
    assert 'faster-deploy compare' in out


def test_a_conversion_without_the_check_says_so(shapes_model, folder):
    code, out, _ = finish(start('wrong', shapes_model, '--output', folder, '--no-check'))
    assert code == 0
    assert 'Not checked here: not asked for' in out


def test_a_failed_conversion_is_code_2(shapes_model, folder):
    code, out, said = finish(start('failing', shapes_model, '--output', folder))
    assert (code, out) == (2, '')
    assert said.splitlines()[-1].startswith('faster-deploy convert: the converter has failed')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_leaves_no_file_and_no_process(
        number, shapes_model, folder):
    process = start('slow', shapes_model, '--output', folder)
    said = []
    with process:
        for line in process.stderr:
            said.append(line)
            if 'at work' in line:
                break
        own = Path(f'/proc/{process.pid}/task')
        children = [int(each) for task in own.iterdir()
                    for each in (task / 'children').read_text().split()]
        assert any(map(is_alive, children)), 'the program is at work'
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert names(folder) == []
    assert wait_until(lambda: not any(map(is_alive, children)))


def test_an_interrupt_of_the_check_leaves_no_file_and_no_folder(shapes_model, folder):
    process = start('right', shapes_model, '--output', folder / 'robot')
    with process:
        for line in process.stderr:
            if 'comparing' in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert names(folder) == []


def test_a_home_and_a_package_are_found(folder, monkeypatch):
    monkeypatch.setenv('HOME', str(folder))
    code, _, said = finish(start(
        'right', 'package://faster_deploy_ros/models/shapes_yolox.onnx', '--output=~/robot',
        '--no-check'))
    assert code == 0, said
    assert 'shapes_yolox_onnxruntime.onnx' in names(folder / 'robot')


def test_an_interrupt_of_our_own_work_leaves_no_file(shapes_model, folder):
    code, out, said = finish(start('interrupted', shapes_model, '--output', folder))
    assert (code, out) == (130, '')
    assert said.splitlines()[-1] == 'faster-deploy convert: interrupted'
    assert names(folder) == []


def test_two_conversions_into_the_same_output_do_not_clash(shapes_model, folder):
    words = ('--output', folder, '--no-check')
    ends = [finish(each) for each in [start('right', shapes_model, *words) for _ in range(2)]]
    codes = sorted(code for code, _, _ in ends)
    assert codes == [0, 2], ends
    assert 'there already' in next(said for code, _, said in ends if code == 2)
    assert len(names(folder)) == 3


def test_two_forced_conversions_both_succeed_and_leave_one_whole_result(shapes_model, folder):
    words = ('--output', folder, '--no-check', '--force')
    ends = [finish(each) for each in [start('right', shapes_model, *words) for _ in range(2)]]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert len(names(folder)) == 3
    page = yaml.safe_load((folder / 'shapes_yolox_onnxruntime.yaml').read_text())
    assert page['sha256'] == hashlib.sha256(
        (folder / 'shapes_yolox_onnxruntime.onnx').read_bytes()).hexdigest()
