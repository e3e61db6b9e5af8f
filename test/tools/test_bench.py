# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``faster-deploy bench``: figures that hold together, and rows that say why there are none."""

import json
import os
import shutil
import signal
import subprocess
import sys

from command_line import environ, is_alive, wait_until
from faster_deploy_ros.tools.bench.orders import Orders
from faster_deploy_ros.tools.bench.report import made, markdown, table
from faster_deploy_ros.tools.bench.rounds import measure, Row
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.progress import Activity, Progress
import pytest

DELAY_MS = 20
MOCK = f'mock.0://identity?delay_ms={DELAY_MS}&devices=2'
QUICK = ('--seconds', '0.4', '--rounds', '2')


@pytest.fixture
def activity(tmp_path):
    with (tmp_path / 'progress').open('w') as stream, Activity(Progress(stream)) as made_here:
        yield made_here


def bench(faster_deploy, *words):
    done = faster_deploy('bench', '--json', *QUICK, *words)
    return done.returncode, json.loads(done.stdout)


def test_the_figures_of_a_known_delay_are_that_delay(faster_deploy):
    code, page = bench(faster_deploy, MOCK, '--seats', '1,2', '--images', 'noise')
    one, two = page['rows']
    assert code == 0
    for row in (one, two):
        assert DELAY_MS <= row['min_ms'] <= row['p50_ms'] <= row['p99_ms']
        assert row['min_ms'] < 2 * DELAY_MS
        assert row['count'] >= 2 * 3 * row['seats']
        assert row['cpu_ms'] < DELAY_MS / 2, 'the simulated device sleeps'
        assert row['rss_mb'] > 10
        assert row['threads'] is None, 'the mock has no such option'
        assert row['error'] == ''
    assert one['rate'] <= 1000 / DELAY_MS < two['rate'] <= 2 * 1000 / DELAY_MS


def test_threads_are_put_into_the_uri_and_runtimes_without_them_are_measured_once(
        faster_deploy, tiny_models):
    _, page = bench(
        faster_deploy, tiny_models('identity'), MOCK, '--seats', '1', '--threads', '1,2')
    assert [(row['about']['runtime'], row['threads']) for row in page['rows']] == [
        ('onnxruntime.0', 1), ('mock.0', None), ('onnxruntime.0', 2)]


def test_without_the_option_threads_are_what_the_uri_says(faster_deploy, tiny_models):
    _, page = bench(
        faster_deploy, f"onnxruntime.0://{tiny_models('identity')}?threads=2", '--seats', '1')
    assert page['rows'][0]['threads'] == 2


def test_the_ratio_is_to_the_first_model(faster_deploy):
    _, page = bench(faster_deploy, MOCK, MOCK.replace('=20', '=40'), '--seats', '1')
    first, second = page['rows']
    assert first['ratio'] == 1
    assert 0.4 < second['ratio'] < 0.65


def test_the_shipped_model_sees_pictures_as_its_family_prepares_them(faster_deploy, shapes_model):
    code, page = bench(faster_deploy, shapes_model, '--stages', '--seats', '1')
    row = page['rows'][0]
    assert code == 0
    assert row['about']['input'] == '8 pictures as Yolox prepares them'
    assert row['cpu_ms'] > row['min_ms'] / 2, 'one thread computes all the time'
    stages = row['stages_ms']
    assert list(stages) == ['lease', 'preprocess', 'infer', 'postprocess']
    assert 0 < stages['preprocess'] < stages['infer'] < row['p50_ms']
    assert sum(stages.values()) == pytest.approx(row['p50_ms'], rel=0.3)


def test_a_model_of_no_known_family_sees_noise_and_has_no_stages(faster_deploy, tiny_models):
    code, page = bench(faster_deploy, tiny_models('two_inputs'), '--seats', '1')
    assert (code, page['rows'][0]['about']['input']) == (0, 'noise')
    code, page = bench(faster_deploy, tiny_models('two_inputs'), '--seats', '1', '--stages')
    assert code == 1
    assert 'give --family' in page['rows'][0]['error']


def test_an_open_shape_is_asked_for_and_taken(faster_deploy, tiny_models):
    model = tiny_models('dynamic_identity')
    code, page = bench(faster_deploy, model, '--seats', '1')
    assert code == 1
    assert '--shape x=1x3x640x640' in page['rows'][0]['error']
    code, page = bench(faster_deploy, model, '--seats', '1', '--shape', 'x=1x3x8x8')
    assert code == 0
    code, page = bench(faster_deploy, model, '--seats', '1', '--shape', 'z=1x3x8x8')
    assert code == 1
    assert "no input 'z', expected one of x" in page['rows'][0]['error']


def test_a_model_that_cannot_be_opened_is_a_row_and_the_others_are_measured(
        faster_deploy, tiny_models):
    done = faster_deploy('bench', 'nowhere.onnx', tiny_models('identity'), *QUICK)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    rows = [line.split() for line in lines if line.startswith('onnxruntime.0')]
    assert rows[0][1] == 'nowhere.onnx'
    assert set(rows[0][4:]) == {'-'}
    assert [row[1:3] for row in rows[1:]] == [['identity.onnx', '1'], ['identity.onnx', '2']]
    assert sum('no such file' in line for line in lines) == 1, 'the reason is said once'


def test_an_inference_that_fails_is_a_row_too(faster_deploy):
    code, page = bench(faster_deploy, 'mock.0://identity?fail_every=3', MOCK, '--seats', '1')
    broken, sound = page['rows']
    assert code == 1
    assert 'the simulated device 0 fails' in broken['error']
    assert sound['rate'] > 0
    assert sound['ratio'] is None


def test_a_model_that_never_loads_is_given_up_in_time(faster_deploy):
    code, page = bench(
        faster_deploy, 'mock.0://identity?hang_every=1', MOCK, '--seats', '1', '--limit', '5')
    assert code == 1
    assert 'no answer within 5 s' in page['rows'][0]['error']
    assert page['rows'][1]['rate'] > 0


@pytest.mark.parametrize(('words', 'said'), [
    (('--seats', '0'), 'expected numbers from 1'),
    (('--threads', '1,x'), 'expected numbers from 1'),
    (('--seconds', '0'), '--seconds 0'),
    (('--rounds', '0'), '--rounds 0'),
    (('--shape', 'x=1xx3'), 'expected input=shape'),
    (('--images', 'no/such/folder'), 'no such file or folder'),
    (('--markdown', 'no/such/page.md'), "no folder 'no/such'"),
])
def test_what_makes_no_sense_is_refused_at_once(words, said, capsys):
    try:
        code = main(['bench', MOCK, *words])
    except SystemExit as error:   # argparse's way
        code = error.code
    text = capsys.readouterr()
    assert (code, text.out) == (2, '')
    assert said in text.err


def test_the_page_says_how_it_was_made_and_nothing_of_this_machine_s_folders(
        faster_deploy, tmp_path, tiny_models):
    page, model = tmp_path / 'page.md', tiny_models('identity')
    done = faster_deploy(
        'bench', model, f'onnxruntime.0://{model}', '/nowhere/at/all.onnx', '--seats', '1', *QUICK,
        '--markdown', page)
    text = page.read_text()
    assert done.returncode == 1
    assert ('faster-deploy bench identity.onnx onnxruntime.0://identity.onnx all.onnx --seats 1 '
            '--seconds 0.4 --rounds 2') in text
    assert str(model.parent) not in text
    assert '/nowhere' not in text
    assert 'onnxruntime 1.' in text
    assert f'{len(os.sched_getaffinity(0))} cores' in text
    assert '| onnxruntime.0 | identity.onnx |' in text
    assert '- not measured: all.onnx:' in text
    assert list(tmp_path.iterdir()) == [page], 'no draft is left'


def test_models_of_one_set_take_turns_and_every_other_round_is_backwards(
        activity, monkeypatch):
    asked = []

    class Spy:

        def __init__(self, module, title):
            self.uri = ''

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def ask(self, question, timeout_s):
            if 'uri' in question:
                self.uri = question['uri']
                return {'threads': 1, 'stages': [], 'runtime': 'x.0', 'model': self.uri}
            asked.append(self.uri)
            return {'count': 1, 'rate': 100.0 if self.uri == 'a' else 50.0, 'cpu_s': 0.001,
                    'rss_mb': 1.0, 'spans': [[2_000_000]]}

    monkeypatch.setattr('faster_deploy_ros.tools.bench.rounds.Child', Spy)
    rows = list(measure(Orders(('a', 'b', 'c'), seats=(1,), rounds=3), activity))
    assert ''.join(asked) == 'abccbaabc'
    assert [(row.p50_ms, row.ratio, row.cpu_ms) for row in rows] == [
        (2.0, 1.0, 1.0), (2.0, 0.5, 1.0), (2.0, 0.5, 1.0)]


def test_one_model_alone_has_no_ratio():
    row = Row('a.onnx', 1, 1, {'runtime': 'x.0', 'model': 'a.onnx'}, 3, 1.0, 1.0, 1.0, 5.0, 1.0)
    assert 'x first' not in table([row])
    assert 'x first' in table([row, Row('b.onnx', 1, 1, error='no')])


def test_a_page_without_figures_is_still_a_page():
    rows = [Row('odd://thing', 1, None, error='it is odd')]
    text = markdown(Orders(('odd://thing',)), rows, made(['odd://thing'], rows))
    assert '- not measured: odd://thing: it is odd' in text


def test_an_interrupt_leaves_no_process(tmp_path):
    program = subprocess.Popen(
        [sys.executable, '-m', 'faster_deploy_ros.tools', 'bench', MOCK, '--seconds', '60'],
        env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with program:
        found = []

        def has_child():
            path = f'/proc/{program.pid}/task/{program.pid}/children'
            with open(path) as stream:
                found[:] = map(int, stream.read().split())
            return bool(found)

        assert wait_until(has_child)
        program.send_signal(signal.SIGINT)
        out, said = program.communicate(timeout=60)
    assert (program.returncode, out) == (130, '')
    assert said.splitlines()[-1] == 'faster-deploy bench: interrupted'
    assert wait_until(lambda: not any(map(is_alive, found)))


@pytest.mark.core
def test_depth_and_query_models_are_measured_from_picture_to_result(
        faster_deploy, shared_data, tmp_path):
    depth = tmp_path / 'depth.onnx'
    shutil.copyfile(shared_data / 'models' / 'meter_xxs_nyu_192x256.onnx', depth)
    depth.with_suffix('.yaml').write_text('family: metric_depth\noutput: {unit: cm}\n')
    queries = shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx'
    code, page = bench(faster_deploy, depth, queries, '--seats', '1', '--stages')
    assert code == 0
    assert [row['error'] for row in page['rows']] == ['', '']
    assert [row['about']['input'] for row in page['rows']] == [
        '8 pictures as MetricDepth prepares them', '8 pictures as RtDetr prepares them']
    for row in page['rows']:
        assert row['count'] >= 3
        assert set(row['stages_ms']) == {'lease', 'preprocess', 'infer', 'postprocess'}
        assert sum(row['stages_ms'].values()) < row['p99_ms'] * 2
