# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of preprocessing compares ways that write the same tensor."""

import json

from benchmark import pre
from benchmark.pre_ways import blob_straight, blob_usual, blob_with_params, numpy_usual, paint_ours
import numpy as np
import pytest

SAME = {'usual': blob_usual, 'params': blob_with_params, 'numpy': numpy_usual}


@pytest.fixture
def one_size(monkeypatch):
    monkeypatch.setattr(pre, 'SIZES', {'small': (160, 120)})
    monkeypatch.setattr(pre, 'keep_large_blocks', lambda: True)   # not for this process


def test_every_family_is_measured_and_the_memory_is_told(one_size, tmp_path, capsys):
    path = tmp_path / 'pre.json'
    assert pre.main(['--rounds', '1', '--json', str(path), '--fresh-memory']) == 0
    content = json.loads(path.read_text())
    assert content['memory'] == 'fresh'
    rows = {row['model']: row for row in content['cases']}
    assert set(rows) == set(pre.FAMILIES)
    assert all(row[way] > 0 for row in rows.values() for way in ('ours', 'usual', 'numpy'))
    assert 'params' not in rows['yolox 416'], 'its letterbox is another one'
    assert 'straight' in capsys.readouterr().out


def test_a_way_that_writes_another_tensor_fails_the_benchmark(one_size, monkeypatch):
    def careless(task):
        return lambda: blob_usual(task)() + 1

    monkeypatch.setitem(pre.WAYS, 'usual', careless)
    with pytest.raises(AssertionError, match='small yolox 416 usual'):
        pre.main(['--rounds', '1'])


@pytest.mark.parametrize('size', pre.SIZES.values(), ids=pre.SIZES)
@pytest.mark.parametrize('family', pre.FAMILIES.values(), ids=pre.FAMILIES)
def test_all_ways_write_the_same_for_every_size_of_camera(size, family):
    task = pre.task_of(size, family)
    expected = paint_ours(task)()
    for name, way in SAME.items():
        if name != 'params' or family.placement != 'corner':
            np.testing.assert_allclose(way(task)(), expected, rtol=1e-4, atol=1e-4, err_msg=name)
    straight = blob_straight(task)()
    assert np.allclose(straight, expected, atol=1e-4) == (family.placement == 'stretch')
