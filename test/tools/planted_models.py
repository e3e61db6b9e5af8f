# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The command with a zoo of one model, which lies on a server of the test.

``python planted_models.py URL SHA256 SIZE LICENCE WORD ...``; ``FILE_LIMIT`` in the environment
bounds the size of the files that it may write.
"""

import hashlib
import os
import resource
import signal
import sys
from types import MappingProxyType

from faster_deploy_ros.tasks.card import InputCard, ModelCard
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.models import zoo
from faster_deploy_ros.tools.models.download import Patience
from faster_deploy_ros.tools.models.model import Asset, DETECTION, ZooModel

# What begins as an ONNX file does, and is long enough to come in several pieces.
CONTENT = b'\x08\x07' + bytes(range(256)) * 1200
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(tries=4, wait_s=0.001, longest_s=0.001, timeout_s=5.0, step=1 << 30)
CARD = ModelCard('yolox', ('one', 'two'), InputCard(size=(64, 64), letterbox='corner'))


def row(url, sha256, size, licence='MIT'):
    """Return a row of the zoo."""
    return ZooModel(
        'shapes', 'A model of a test', DETECTION, licence, 'https://example.org/shapes', CARD,
        Asset(url, sha256, size, 'the test'))


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.default_int_handler)   # ignored below a shell's `&`
    url, sha256, size, licence, *words = sys.argv[1:]
    if limit := os.environ.get('FILE_LIMIT'):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    zoo.ZOO = MappingProxyType({'shapes': row(url, sha256, int(size), licence)})
    sys.exit(main(['models', *words]))
