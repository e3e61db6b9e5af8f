# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tensors, and who holds them; never a runtime."""

from faster_deploy_ros.blobs.blob import Blob
from faster_deploy_ros.blobs.buffer import BlobsBuffer
from faster_deploy_ros.blobs.memory import HostMemory, Location, Memory
from faster_deploy_ros.blobs.pool import BufferPool
from faster_deploy_ros.blobs.spec import BlobSpec

__all__ = [
    'Blob', 'BlobSpec', 'BlobsBuffer', 'BufferPool', 'HostMemory', 'Location', 'Memory']
