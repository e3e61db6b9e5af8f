# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of postprocessing compares ways that find the same, in the case it names."""

import json

from benchmark import post
from benchmark.outputs import Crowd, draw
from benchmark.post_ways import by_numpy, by_opencv, Found
from faster_deploy_ros.tasks import DetectionOptions
import numpy as np
import pytest


def test_every_row_names_what_it_measured_and_all_ways_find_the_same(
        tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(post, 'keep_large_blocks', lambda: True)   # not for this process
    path = tmp_path / 'post.json'
    assert post.main(['--rounds', '1', '--data', str(tmp_path), '--json', str(path)]) == 0
    rows = json.loads(path.read_text())['cases']
    full = [row for row in rows if '300 kept' in row['work']]
    assert {row['work'] for row in full} == {'yolox, 300 kept', 'yolov8, 300 kept'}
    for row in full:
        assert (row['boxes'], row['kept']) == (1170, 300)
    assert {row['way'] for row in full} == {post.OURS, post.OPENCV, post.NUMPY}
    assert all(row['ms'] > 0 for row in rows)
    assert f'no photographs in {tmp_path}' in capsys.readouterr().err


def test_a_way_that_finds_other_boxes_fails_the_benchmark(monkeypatch):
    def careless(output, options, suppression):
        found = right(output, options, suppression)
        return Found(found.xyxy + 1, found.score, found.class_id)

    right = post.read_as_usual
    monkeypatch.setattr(post, 'read_as_usual', careless)
    with pytest.raises(AssertionError):
        post._whole('moved', [draw('yolox', Crowd(8, 6, 0.25))], DetectionOptions(0.25, 0.45))


@pytest.mark.parametrize('suppression', [by_opencv, by_numpy])
def test_the_usual_suppressions_keep_the_best_of_each_class(suppression):
    xyxy = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 8, 9], [20, 0, 29, 9]], np.float32)
    score = np.array([0.5, 0.9, 0.8, 0.7], np.float32)
    class_id = np.array([0, 0, 1, 0])
    kept = suppression(xyxy, score, class_id, 0.45, 100)
    assert sorted(kept.tolist()) == [1, 2, 3]
    assert sorted(suppression(xyxy, score, class_id, 0.45, 2).tolist()) == [1, 2]


@pytest.mark.parametrize('family', ['yolox', 'yolov8'])
def test_a_drawn_output_holds_as_many_boxes_over_the_threshold_as_it_says(family):
    output = draw(family, Crowd(20, 4, 0.25))
    rows = output.tensor[0] if family == 'yolox' else output.tensor[0].T
    score = (rows[:, 5:] * rows[:, 4:5]).max(axis=1) if family == 'yolox' else rows[:, 4:].max(
        axis=1)
    assert (score >= 0.25).sum() == 80
