# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs of the demo as a user starts it."""

import json
import os
from pathlib import Path
import subprocess
import sys

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, '-m', 'faster_deploy_ros.tools.demo']
LIMIT_S = 100


def environ_of_a_user():
    """Return an environment in which the demo has a ROS of its own, as on a user's terminal."""
    return {name: value for name, value in os.environ.items() if name != 'ROS_DOMAIN_ID'}


def run_demo(folder, *arguments):
    """Run the demo into ``folder/out``; return its exit code, its summary and all it said."""
    path = folder / 'summary.json'
    done = subprocess.run(
        [*COMMAND, '--out', str(folder / 'out'), '--json', str(path), *map(str, arguments)],
        cwd=CHECKOUT, env=environ_of_a_user(), capture_output=True, text=True, timeout=LIMIT_S,
        check=False)
    summary = json.loads(path.read_text()) if path.exists() else None
    return done.returncode, summary, done.stdout + done.stderr
