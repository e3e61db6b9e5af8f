# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Measure a detector of shapes through the package's own road and write its model card."""

import argparse
import hashlib
from pathlib import Path

from faster_deploy_ros.scenes import LABELS
from faster_deploy_ros.tasks import DetectionOptions, ModelCard
from faster_deploy_ros.tools.card_words import CardWords
from faster_deploy_ros.tools.evaluate.detection import BoxWords, evaluate_detector
from faster_deploy_ros.tools.evaluate.orders import Orders, Pictures
from faster_deploy_ros.tools.evaluate.samples import FRAMES_PER_ROOM
import yaml

NMS = DetectionOptions().nms_threshold     # as a node has it


def measure(path: Path, size: tuple[int, int], frames: int, threshold: float) -> float:
    """Return the AP50 over frames of unseen rooms: the command ``faster-deploy evaluate``."""
    orders = Orders(
        str(path), CardWords('yolox', ModelCard(labels=LABELS)),
        Pictures(None, frames=frames, size=size), results=None, plots=None, seats=2)
    words = BoxWords(None, threshold, NMS, most=100, per_class=False)
    found = evaluate_detector(orders, words, lambda *_: None)
    if not found.is_sound:
        raise SystemExit(found.text)
    ap50: float = found.page['ap50']
    return ap50


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
                       f'{options.frames // FRAMES_PER_ROOM} unseen rooms',
            **accuracy},
    }
    options.card.write_text(
        '# What the tensors of the model beside this page mean; written by evaluate.py.\n'
        + yaml.safe_dump(card, sort_keys=False, width=95), encoding='utf-8')


if __name__ == '__main__':
    main()
