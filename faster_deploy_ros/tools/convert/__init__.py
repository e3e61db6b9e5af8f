# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Turn an ONNX model into another runtime's, by that runtime's official converter."""

from faster_deploy_ros.tools.convert.cli import add_arguments, run

__all__ = ['add_arguments', 'run']
