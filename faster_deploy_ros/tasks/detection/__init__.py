# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detectors: one file for each family."""

from faster_deploy_ros.tasks.detection.options import DetectionOptions

__all__ = ['DetectionOptions']
