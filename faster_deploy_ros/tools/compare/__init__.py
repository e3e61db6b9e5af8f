# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare two models that should be the same: figures, a verdict, and the mistake if not."""

from faster_deploy_ros.tools.compare.cli import add_arguments, run

__all__ = ['add_arguments', 'run']
