# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks, each a command that prints a table and writes JSON; see README.md here."""
