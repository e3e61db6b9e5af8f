# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How good a model is: boxes against labelled images, depth against measured depth."""

from faster_deploy_ros.tools.evaluate.cli import add_arguments, run

__all__ = ['add_arguments', 'run']
