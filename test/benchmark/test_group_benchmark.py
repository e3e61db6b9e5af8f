# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The group benchmark measures what it says, and fails when order is broken."""

import json

from benchmark import group, group_runs
from benchmark.group_runs import Rate


def test_the_record_holds_every_case_and_accounts_for_every_frame(
        tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(group_runs, 'WARM_UP_S', 0.1)
    monkeypatch.setattr(group, 'DEPTHS', ((1, 0), (1, 32)))
    path = tmp_path / 'group.json'
    assert group.main(['--rounds', '1', '--seconds', '0.25', '--json', str(path)]) == 0
    content = json.loads(path.read_text())
    throughput, latency, failure = (
        content[name] for name in ('throughput', 'latency', 'failure'))
    assert len(throughput['rounds'][0]['own']) == 4
    assert all(done > 4 for done in throughput['rounds'][0]['done']), 'every core worked'
    assert throughput['of_sum'] > 0.5
    depths = {(row['seats'], row['depth']): row['of_ideal'] for row in content['depths']['rows']}
    assert depths[1, 0] < 0.5 < depths[1, 32], 'results behind the slow core need a place'
    rows = {(row['rate'], row['case']): row for row in latency['rows']}
    assert set(rows) == {(rate, case) for rate in ('camera', 'saturation')
                         for case in ('fast alone', 'latency', 'throughput')}
    assert rows['saturation', 'throughput']['p50_ms'] > 2 * rows['saturation', 'latency']['p50_ms']
    assert rows['saturation', 'throughput']['slow_served'] > 0
    assert failure['lost'] == 0
    assert failure['failed'] == failure['failed_by_core'] >= 1
    assert sum(slot['failed'] for slot in failure['timeline']) == failure['failed']
    assert 'of_sum' in capsys.readouterr().out


def test_a_pair_of_models_is_compared_with_each_alone(tmp_path, capsys):
    path = tmp_path / 'pair.json'
    uris = [f'mock.{k}://identity?shape=1&delay_ms=3' for k in range(2)]
    assert group.main(
        ['--pair', *uris, '--rounds', '1', '--seconds', '0.2', '--json', str(path)]) == 0
    pair = json.loads(path.read_text())['pair']
    assert set(pair['rounds'][0]) == {'alone 0', 'alone 1', 'throughput', 'latency'}
    assert pair['group_over_best_alone'] > 1, 'simulated cores share nothing'
    assert 'alone 1' in capsys.readouterr().out


def test_a_result_out_of_order_fails_the_benchmark(monkeypatch, capsys):
    monkeypatch.setattr(group, 'rate_of', lambda *_: Rate(1.0, 1))
    assert group.main(['--pair', 'mock.0://identity', '--rounds', '1', '--seconds', '0.1']) == 1
    assert 'out of order' in capsys.readouterr().err
