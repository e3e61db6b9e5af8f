# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The executor benchmark measures what it says, and fails when order is broken."""

import json

from benchmark import executor
import pytest

QUICK = ['--rounds', '1', '--jobs', '40', '--frames', '2']


def test_the_record_holds_every_case_and_no_result_out_of_order(tmp_path, capsys):
    path = tmp_path / 'executor.json'
    assert executor.main([*QUICK, '--json', str(path)]) == 0
    content = json.loads(path.read_text())
    assert [(row['case'], row['workers']) for row in content['empty_jobs']] == [
        (case, workers) for workers in (1, 2, 4, 8, 16) for case in ('line', 'pool')]
    assert [row['devices'] for row in content['devices'] if row['case'] == 'line'] == [
        1, 2, 3, 4, 5, 6, 7, 8]
    assert all(row['out_of_order'] == 0 for row in content['empty_jobs'] + content['devices'])
    assert all(row['job_us'] > 0 and row['round_trip_us'] > 0 for row in content['empty_jobs'])
    assert 'of_k_times_one' in capsys.readouterr().out


def test_a_result_out_of_order_fails_the_benchmark(monkeypatch, capsys):
    def disordered(job, workers, count, in_flight):
        return executor.Run(1.0, executor._misplaced([1, 0, 2]))

    monkeypatch.setitem(executor.CASES, 'line', disordered)
    assert executor.main(QUICK) == 1
    assert 'out of order' in capsys.readouterr().err


def test_the_picture_is_drawn_where_it_is_wanted(tmp_path):
    pytest.importorskip('matplotlib')
    path = tmp_path / 'pictures' / 'executor.png'
    assert executor.main([*QUICK, '--plot', str(path)]) == 0
    assert path.read_bytes().startswith(b'\x89PNG')
