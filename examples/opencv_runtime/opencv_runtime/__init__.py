# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenCV DNN as a runtime of faster_deploy_ros."""
