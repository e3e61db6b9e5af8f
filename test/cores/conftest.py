# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Models for the tests of the cores."""

from pathlib import Path
import sys

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'models'))


@pytest.fixture(scope='session')
def tiny_models(tmp_path_factory):
    """Return a function from the name of a tiny ONNX model to its path."""
    make_models = pytest.importorskip('make_models', reason='needs the package onnx')
    folder = tmp_path_factory.mktemp('tiny_models')
    paths = {}

    def path_of(name):
        if name not in paths:
            paths[name] = make_models.write(folder, name)
        return paths[name]

    return path_of
