# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A file that a command writes is there whole or not at all; devices, pipes and links stay."""

import os
import threading

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tools import whole_file
import pytest


def test_a_file_is_replaced_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / 'results.json'
    for content in ('old, and longer', b'new'):
        whole_file.write_whole(path, content, '--results')
    assert path.read_text() == 'new'
    assert os.listdir(tmp_path) == ['results.json']


def test_a_file_that_cannot_be_completed_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / 'results.json'
    path.write_text('old')

    def full(draft, data):
        draft.touch()
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(type(path), 'write_bytes', full)
    with pytest.raises(BadValue, match=r"--results: '.*results\.json' cannot be written: No"):
        whole_file.write_whole(path, 'new', '--results')
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['results.json']


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path):
    """As root, a device named in the place of a file would be gone for good."""
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    read = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    whole_file.write_whole(path, 'figures', '--results')
    reader.join(10)
    assert read == ['figures']
    assert path.is_fifo()


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path):
    (tmp_path / 'there').write_text('old')
    link = tmp_path / 'link'
    link.symlink_to('there')
    whole_file.write_whole(link, 'new', '--results')
    assert link.is_symlink()
    assert (tmp_path / 'there').read_text() == 'new'
