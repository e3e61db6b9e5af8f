# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Vision models on robots: ordered, low-latency inference behind one door."""

__version__ = '0.1.0'
