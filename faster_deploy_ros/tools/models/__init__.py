# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Well-known models with their licences: list, fetch, verify."""

from faster_deploy_ros.tools.models.cli import add_arguments, run

__all__ = ['add_arguments', 'run']
