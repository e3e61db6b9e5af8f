# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo: the real graph as separate processes, and the account of every frame."""

from faster_deploy_ros.tools.demo.cli import main

__all__ = ['main']
