# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands as ``python -m faster_deploy_ros.tools``."""

import sys

from faster_deploy_ros.tools.cli import main

sys.exit(main())
