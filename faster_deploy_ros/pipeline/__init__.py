# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How work flows: a bounded, ordered line of jobs; it knows callables, never tensors."""
