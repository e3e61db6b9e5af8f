# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic scenes with known boxes and known depth."""

from faster_deploy_ros.scenes.renderer import LABELS, Scene, SceneRenderer

__all__ = ['LABELS', 'Scene', 'SceneRenderer']
