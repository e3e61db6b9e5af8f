# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How fast models run: latency and throughput by runtime, seats and threads."""

from faster_deploy_ros.tools.bench.cli import add_arguments, run

__all__ = ['add_arguments', 'run']
