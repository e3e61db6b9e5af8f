# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``faster-deploy devices``: what is there, and why the rest is not."""

import json

from faster_deploy_ros.cores.device import Device, UnavailableRuntime
from faster_deploy_ros.tools.devices.probe import probe

# A runtime of somebody else for each way to go wrong, found by the children as a module.
ODD_RUNTIMES = """
import os, signal, time
from faster_deploy_ros.cores import CORES
from faster_deploy_ros.registry import Entry
for name in ('Crashing', 'Hanging', 'Broken', 'Empty'):
    CORES.add(name.lower(), Entry('sitecustomize:' + name, hint='Mend it.'))

class Crashing:
    @classmethod
    def devices(cls):
        os.kill(os.getpid(), signal.SIGABRT)

class Hanging:
    @classmethod
    def devices(cls):
        time.sleep(60)

class Broken:
    @classmethod
    def devices(cls):
        return 1 / 0

class Empty:
    @classmethod
    def devices(cls):
        return []
"""


def test_json_is_json_alone_and_names_each_device(faster_deploy):
    done = faster_deploy('devices', '--json', 'mock', 'onnxruntime')
    page = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, '')
    assert [each['device'] for each in page['devices']][:2] == ['mock.0', 'mock.1']
    cpu = page['devices'][-1]
    assert (cpu['device'], cpu['name']) == ('onnxruntime.0', 'CPU')
    assert cpu['capabilities']['dynamic_shape'] is True
    assert cpu['capabilities']['versions']['onnxruntime']


def test_every_runtime_is_either_there_or_has_a_reason(faster_deploy):
    page = json.loads(faster_deploy('devices', '--json').stdout)
    there = {each['scheme'] for each in page['devices']}
    missing = {each['scheme']: each for each in page['unavailable']}
    assert there | missing.keys() >= {
        'mnn', 'mock', 'ncnn', 'onnxruntime', 'openvino', 'rknn', 'tensorrt', 'triton'}
    assert not there & missing.keys()
    for each in missing.values():
        assert each['reason']
        assert each['remedy']
        assert each['remedy'] not in each['reason'], 'the remedy is said once'


def test_devices_that_differ_by_number_are_one_line(faster_deploy):
    lines = faster_deploy('devices', 'mock').stdout.splitlines()
    assert lines[0].split() == ['device', 'name', 'version', 'can']
    assert len(lines) == 3
    assert lines[2].startswith('mock.0 to 7')
    assert lines[2].endswith('open shapes, from memory, zero copy')


def test_an_unknown_runtime_is_refused_with_a_guess(faster_deploy):
    done = faster_deploy('devices', 'onxruntime')
    assert done.returncode == 2
    assert "Did you mean 'onnxruntime'?" in done.stderr


def test_a_limit_that_is_none_is_refused(faster_deploy):
    done = faster_deploy('devices', '--limit', '0')
    assert (done.returncode, done.stdout) == (2, '')
    assert '--limit 0' in done.stderr


def test_a_runtime_that_crashes_hangs_or_fails_is_a_line_and_hides_no_other(
        faster_deploy, tmp_path):
    program = tmp_path / 'odd.py'
    text = ODD_RUNTIMES.replace('sitecustomize', 'odd_runtimes')
    (tmp_path / 'odd_runtimes.py').write_text(text)
    # The children are started with the same words before them: they know these runtimes too.
    program.write_text(
        'import sys\n'
        f"sys.path.insert(0, '{tmp_path}')\n"
        'import odd_runtimes\n'
        'from faster_deploy_ros.tools.devices import probe\n'
        'from faster_deploy_ros.tools import child, cli\n'
        'if __name__ == "__main__":\n'
        '    if sys.argv[1:] == ["child"]:\n'
        '        child.serve(probe._answer)\n'
        '    else:\n'
        '        real = probe.Child\n'
        '        probe.Child = lambda module, title: real("odd", title, ["child"])\n'
        '        sys.exit(cli.main(["devices", *sys.argv[1:]]))\n')
    done = faster_deploy(
        'crashing', 'hanging', 'broken', 'empty', 'mock', '--limit', '6', '--json',
        program=('-m', 'odd'), cwd=tmp_path)
    page = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    reasons = {each['scheme']: each['reason'] for each in page['unavailable']}
    assert reasons['crashing'].startswith('crashed while being asked (SIGABRT)')
    assert 'no answer within 6 s' in reasons['hanging']
    assert reasons['broken'] == 'ZeroDivisionError: division by zero'
    assert 'no device' in reasons['empty']
    assert {each['scheme'] for each in page['devices']} == {'mock'}


def test_a_device_comes_back_from_the_other_process_as_it_was():
    there, missing = probe(['onnxruntime', 'rknn'])
    assert isinstance(there, Device)
    assert there.capabilities.from_bytes is True
    assert isinstance(missing, (Device, UnavailableRuntime))
