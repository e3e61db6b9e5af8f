# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Monocular depth: one file for each family."""

from faster_deploy_ros.tasks.depth.options import DepthOptions

__all__ = ['DepthOptions']
