# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A card may be of several files of one name; each of them is the right one."""

import hashlib

from faster_deploy_ros.tools.models.verify import RIGHT, UNKNOWN, verify, WRONG
import pytest
import yaml

CONTENT = b'\x08\x07 a model of a test'
OWN, OTHER, THIRD = (hashlib.sha256(each).hexdigest() for each in (CONTENT, b'mnn', b'other'))


@pytest.fixture
def finding(tmp_path):
    """Return a function from the checksums on a card to what is found of the file beside it."""
    def go(*digests):
        path = tmp_path / 'm.onnx'
        path.write_bytes(CONTENT)
        if digests:
            path.with_suffix('.yaml').write_text(yaml.safe_dump({'sha256': list(digests)}))
        return verify([str(path)], tmp_path)[0]

    return go


@pytest.mark.parametrize('digests', [(OWN,), (OWN, OTHER), (OTHER, OWN)])
def test_any_checksum_of_the_card_will_do(finding, digests):
    found = finding(*digests)
    assert (found.status, found.sha256, found.expected) == (RIGHT, OWN, OWN)


def test_a_file_that_is_none_of_them_is_wrong(finding):
    found = finding(OTHER, THIRD)
    assert (found.status, found.sha256, found.expected) == (WRONG, OWN, OTHER)
    assert found.remark == 'm.yaml is of another file'


def test_without_a_checksum_nothing_is_known(finding):
    found = finding()
    assert (found.status, found.sha256, found.expected) == (UNKNOWN, OWN, '')
