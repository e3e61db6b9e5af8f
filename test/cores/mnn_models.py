# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tiny models for MNN, made by its own converter as ``faster-deploy convert`` runs it."""

import struct

from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tools.convert.job import ConvertJob
from faster_deploy_ros.tools.convert.to_mnn import convert
import pytest


def to_mnn(model, output, scratch, precision='fp32'):
    """Convert one ONNX file."""
    return convert(ConvertJob(
        model=model, output=output, precision=precision, card=ModelCard(), calibration=None,
        scratch=scratch, report=lambda *_: None))


@pytest.fixture(scope='session', name='mnn_models')
def mnn_models_fixture(tiny_models, tmp_path_factory):
    """Return a function from the name of a tiny model to its path as ``.mnn``; half a second."""
    folder = tmp_path_factory.mktemp('mnn_models')
    scratch = tmp_path_factory.mktemp('scratch')

    def path_of(name, content=None):
        path = folder / f'{name}.mnn'
        if not path.exists():
            source = scratch / f'{name}.onnx'
            source.write_bytes(content or tiny_models(name).read_bytes())
            to_mnn(source, path, scratch)
        return path

    return path_of


@pytest.fixture(scope='session', name='open_identity')
def open_identity_fixture(mnn_models):
    """Return the path of ``y = x`` whose batch is open too: the converter writes 1 for it."""
    path = mnn_models('dynamic_identity').with_name('open_identity.mnn')
    content = mnn_models('dynamic_identity').read_bytes()
    written, meant = struct.pack('<4i', 1, 3, -1, -1), struct.pack('<4i', -1, 3, -1, -1)
    assert content.count(written) == 1
    path.write_bytes(content.replace(written, meant))
    return path
