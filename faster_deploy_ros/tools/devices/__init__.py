# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What this machine can run models on, and why not on the rest."""

from faster_deploy_ros.tools.devices.cli import add_arguments, run

__all__ = ['add_arguments', 'run']
