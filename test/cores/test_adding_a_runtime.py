# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The runtime that docs/adding_a_runtime.md adds passes the contract as it is written there."""

from pathlib import Path
import re
import sys
from types import ModuleType, SimpleNamespace

from faster_deploy_ros.cores import CORES
from faster_deploy_ros.cores.contract import CoreContract
from faster_deploy_ros.registry import Entry
import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'adding_a_runtime.md'


def acme():
    """Return a stand-in for the vendor's module: it copies its input."""
    x, y = (
        SimpleNamespace(name=name, dtype='float32', shape=(1, 3, 4, 5), is_input=name == 'x')
        for name in 'xy')

    class Model:
        tensors = (y, x)

        def __init__(self, path, device):
            assert Path(path).read_text() == 'identity'
            assert device == 0

        def new_context(self):
            return SimpleNamespace(run=run)

    def run(arrays):
        if arrays[0].min() == 100:
            raise OSError('acme error 7')
        return [np.copy(array) for array in arrays]

    module = ModuleType('acme')
    module.Model, module.list_devices, module.__version__ = Model, lambda: ['one'], '1.0'
    return module


class TestThePagesContract(CoreContract):
    """The page's runtime keeps the promises of all cores."""

    @pytest.fixture(autouse=True)
    def the_page(self, monkeypatch):
        code = re.search(r'```python\n(.*?)```', PAGE.read_text(), re.DOTALL)[1]
        core_module = ModuleType('acme_core')
        monkeypatch.setitem(sys.modules, 'acme', acme())
        monkeypatch.setitem(sys.modules, 'acme_core', core_module)
        exec(compile(code, str(PAGE), 'exec'), core_module.__dict__)
        CORES.add('acme', Entry('acme_core:AcmeCore', needs=('acme',)))
        yield
        del CORES._entries['acme']

    @pytest.fixture
    def identity(self, tmp_path):
        model = tmp_path / 'identity.acme'
        model.write_text('identity')
        return f'acme.0://{model}?priority=1'

    @pytest.fixture
    def dynamic_identity(self):
        return None

    @pytest.fixture
    def identity_bytes(self):
        return b'identity'

    @pytest.fixture
    def failing(self, identity):
        return identity
