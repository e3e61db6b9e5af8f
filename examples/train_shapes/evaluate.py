# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Measure a detector of shapes through the package's own road and write its model card."""

import argparse
import hashlib
from pathlib import Path

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.scenes import LABELS, SceneRenderer
from faster_deploy_ros.sources import Box
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tools.demo.average_precision import ap50
from faster_deploy_ros.tools.demo.record import Found
import numpy as np
import yaml

FIRST_SEED = 50_000     # train.py uses 100 000 and up, the tests 60 000 and up
FRAMES_PER_SEED = 3


def measure(path: Path, size: tuple[int, int], frames: int, threshold: float) -> float:
    """Return the AP50 over frames of unseen rooms."""
    core = open_core(str(path), seats=1)
    model = open_model('yolox', core, DetectionOptions(confidence_threshold=threshold),
                       card=ModelCard(labels=LABELS))
    truths, found = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + -(-frames // FRAMES_PER_SEED)):
        renderer = SceneRenderer(seed, size)
        for index in range(0, 100 * FRAMES_PER_SEED, 100):
            scene = renderer.render(index)
            result = model(Frame(index, 'camera', scene.image), Stopwatch())
            truths.append([Box(LABELS[k], tuple(box)) for k, box in
                           zip(scene.class_id, scene.boxes.tolist())]
                          + [Box('', tuple(box), judged=False) for box in scene.ignored.tolist()])
            found.append([Found(tuple(box), score, LABELS[k]) for box, score, k in zip(
                result.xyxy.tolist(), result.score.tolist(), result.class_id)])
    core.unload()
    value = ap50(truths, found, LABELS)
    return float('nan') if value is None else value


def main() -> None:
    """Measure, print, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', type=Path, nargs='?', default=Path('shapes_yolox.onnx'))
    parser.add_argument('--frames', type=int, default=300)
    parser.add_argument('--card', type=Path, help='write the model card here')
    options = parser.parse_args()
    accuracy = {}
    for width, height in ((640, 480), (1280, 720), (320, 240)):
        for threshold in (0.01, 0.25):
            value = measure(options.model, (width, height), options.frames, threshold)
            accuracy[f'{width}x{height}, scores over {threshold}'] = round(value, 4)
            print(f'{width}x{height} · score > {threshold} · AP50 {value:.4f}', flush=True)
    if not options.card:
        return
    if not np.isfinite(list(accuracy.values())).all():
        raise SystemExit('no truth in the scenes: nothing was measured')
    card = {
        'name': 'shapes_yolox',
        'description': 'Spheres, cubes and cones of the rendered scenes; for demos and tests.',
        'family': 'yolox',
        'labels': list(LABELS),
        'input': {'size': [320, 256], 'color': 'bgr', 'scale': 255, 'letterbox': 'corner',
                  'pad': 114},
        'output': {'decoded': False},
        'licence': 'Apache-2.0',
        'source': 'examples/train_shapes (train.py, then evaluate.py), no outside data',
        'sha256': hashlib.sha256(options.model.read_bytes()).hexdigest(),
        'accuracy': {
            'measure': f'AP50 (COCO, 101 points), {options.frames} frames of '
                       f'{options.frames // FRAMES_PER_SEED} unseen rooms',
            **accuracy},
    }
    options.card.write_text(
        '# What the tensors of the model beside this page mean; written by evaluate.py.\n'
        + yaml.safe_dump(card, sort_keys=False, width=95), encoding='utf-8')


if __name__ == '__main__':
    main()
