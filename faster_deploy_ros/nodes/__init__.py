# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The ROS layer: the only place that knows rclpy and messages."""
