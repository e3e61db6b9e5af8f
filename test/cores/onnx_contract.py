# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a runtime that reads ONNX files as they are."""

from faster_deploy_ros.cores.contract import CoreContract
import pytest


class OnnxContract(CoreContract):
    """All models but the failing one; a subclass says ``scheme``, and options of open shapes."""

    scheme = ''
    open_shape = ''   # what the URI of a model with open dimensions needs: '?shapes=...'

    @pytest.fixture
    def identity(self, tiny_models):
        return f"{self.scheme}://{tiny_models('identity')}"

    @pytest.fixture
    def dynamic_identity(self, tiny_models):
        return f"{self.scheme}://{tiny_models('dynamic_identity')}{self.open_shape}"

    @pytest.fixture
    def identity_bytes(self, tiny_models):
        return tiny_models('identity').read_bytes()
