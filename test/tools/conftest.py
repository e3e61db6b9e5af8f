# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands as a user runs them, and models to run them on."""

import importlib
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace

from command_line import environ
from faster_deploy_ros.tools.models.fetch import fetch
from faster_deploy_ros.tools.progress import Activity, Progress
from model_server import ModelServer
from planted_models import CONTENT, QUICK, row, SHA256
import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope='session')
def shapes_model(checkout):
    """Return the detector that the package ships."""
    return checkout / 'models' / 'shapes_yolox.onnx'


@pytest.fixture
def faster_deploy():
    """Return a function that runs the command and gives back code, stdout and stderr."""
    def run(*words, program=('-m', 'faster_deploy_ros.tools'), **how):
        return subprocess.run(
            [sys.executable, *program, *map(str, words)], env=environ(), capture_output=True,
            text=True, timeout=110, check=False, **how)

    return run


@pytest.fixture
def folder(tmp_path):
    """Return the folder for results; the models are elsewhere."""
    made = tmp_path / 'results'
    made.mkdir()
    return made


@pytest.fixture
def run(tmp_path_factory, monkeypatch):
    """Return a function that converts by a planted converter, in this process."""
    planted = pytest.importorskip('planted_converters', reason='needs the package onnx')
    conduct = importlib.import_module('faster_deploy_ros.tools.convert.conduct')   # needs onnx
    rows = dict(planted.CONVERTERS.entries)
    log = tmp_path_factory.mktemp('log') / 'progress'
    with log.open('w') as stream, Activity(Progress(stream)) as activity:

        def go(name, model, **how):
            monkeypatch.setattr(planted.CONVERTERS, '_entries', dict(rows))
            planted.plant(name)
            return conduct.convert(conduct.Orders(Path(model), 'onnxruntime', **how), activity)

        yield go


@pytest.fixture
def zoo(folder, monkeypatch):
    """
    Return a zoo of one model, which lies on a server of this machine.

    ``server``; ``row`` of the model; ``get(row, patience, force=...)`` fetches into ``folder``;
    ``told`` holds what was reported meanwhile.
    """
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    told = []

    def get(model, patience=QUICK, **how):
        return fetch(model, folder, lambda *words: told.append(words), patience=patience, **how)

    with ModelServer(CONTENT) as server:
        yield SimpleNamespace(
            server=server, row=row(f'{server.url}/a/shapes.onnx', SHA256, len(CONTENT)), get=get,
            told=told)
