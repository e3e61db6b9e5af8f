# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tiny ncnn models, written by hand: their texts, their weights, their files."""

from faster_deploy_ros.cores.source import pack
import numpy as np

IMAGE = 'Input x 0 1 x 0=5 1=4 2=3'   # (1, 3, 4, 5)
IDENTITY = (IMAGE, 'Noop same 1 1 x y')
# A detector of YOLOv3 on negated numbers: it finds four boxes in zeros and none in hundreds.
FAILING = (
    'Input x 0 1 x 0=2 1=2 2=6',
    'BinaryOp negate 1 1 x n 0=2 1=1 2=-1.0',
    'Yolov3DetectionOutput v3 1 1 n y 0=1 1=1 2=0.2 -23304=2,10,10 -23305=1,0 -23306=1,32.0')


def param(*lines):
    """Return the text of a param with these layers; the counts are counted."""
    blobs = sum(int(line.split()[3]) for line in lines)
    return '\n'.join(['7767517', f'{len(lines)} {blobs}', *lines, '']).encode()


def packed(*lines, weights=b''):
    """Return a model as one piece of bytes."""
    return pack(param(*lines), weights)


def write(folder, name, *lines, weights=b''):
    """Write ``<name>.param`` and ``<name>.bin``; return the path of the first."""
    path = folder / f'{name}.param'
    path.write_bytes(param(*lines))
    path.with_suffix('.bin').write_bytes(weights)
    return path


def convolution(name, bottom, top, weights, *, stride=1, pad=0):
    """Return the line of a convolution and the bytes of its weights ``(out, in, k, k)``."""
    out, _, kernel, _ = weights.shape
    line = (f'Convolution {name} 1 1 {bottom} {top} 0={out} 1={kernel} 3={stride} 4={pad} 5=0 '
            f'6={weights.size}')
    return line, b'\0\0\0\0' + weights.astype(np.float32).tobytes()


def answer(core, **inputs):
    """Return copies of all outputs, by name."""
    with core.lease() as blobs:
        for name, value in inputs.items():
            blobs[name].data[...] = value
        core.sync_infer(blobs)
        return {blob.spec.name: blob.data.copy() for blob in blobs.outputs}


def noise(*shape, seed=0):
    """Return normal noise, the same for the same seed."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)
