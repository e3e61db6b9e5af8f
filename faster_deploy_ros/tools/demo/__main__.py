# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo as ``python -m faster_deploy_ros.tools.demo``."""

import sys

from faster_deploy_ros.tools.demo.cli import main

sys.exit(main())
