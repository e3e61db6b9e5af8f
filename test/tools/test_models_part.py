# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The beginning of a file that is being fetched, on a disk that takes no more."""

import errno
import hashlib
import io

from faster_deploy_ros.tools.models.part import Part
import pytest


def test_a_disk_that_takes_half_of_what_came_has_none_of_it(tmp_path):
    class Full(io.FileIO):

        def write(self, data):
            super().write(bytes(data)[:3])
            raise OSError(errno.ENOSPC, 'No space left on device')

    path = tmp_path / '.m.onnx.part'
    path.write_bytes(b'begun')
    with Full(path, 'a+b') as stream:
        begun = Part(path, stream)
        with pytest.raises(OSError, match='No space'):
            begun.append(b'more of it')
    assert path.read_bytes() == b'begun'
    assert (begun.length, begun.sha256) == (5, hashlib.sha256(b'begun').hexdigest())
