# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From a model's output to boxes in the image: ours against OpenCV's and numpy's usual ways."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
import sys
from typing import Any

from benchmark.alternate import alternate, over, Work
from benchmark.figures import machine, table, write_json
from benchmark.outputs import clusters, Crowd, draw, Output, photographed
from benchmark.post_ways import by_numpy, by_opencv, read_as_usual, Suppression
import cv2
from faster_deploy_ros.allocator import keep_large_blocks
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.boxes import suppress
from faster_deploy_ros.tasks.card import OutputCard
import numpy as np

OURS, OVERLAP = 'ours', 0.45
OPENCV, NUMPY = 'decode all, NMSBoxesBatched', 'decode all, numpy'
FAMILIES = ('yolox', 'yolov8')
USUAL = DetectionOptions(0.25, OVERLAP)
LOW = DetectionOptions(0.01, OVERLAP)
EVALUATION = DetectionOptions(0.01, OVERLAP, max_candidates=3000)
DRAWN = {   # 1000 boxes around 390 objects: 300 are kept, as many as there may be
    'no object': (USUAL, Crowd(0, 0, 0.25)), '8 objects': (USUAL, Crowd(8, 6, 0.25)),
    '40 objects': (USUAL, Crowd(40, 6, 0.25)), '300 kept': (USUAL, Crowd(390, 3, 0.25)),
    'thousands': (EVALUATION, Crowd(375, 8, 0.01))}
ALONE = (30, 300, 1000)    # boxes for the suppression alone
DATA = Path(__file__).resolve().parents[2] / 'shared' / 'data'
COLUMNS = {
    'work': '', 'boxes': '.0f', 'kept': '.0f', 'way': '', 'ms': '.3f', 'times ours': '.2f'}


@dataclass(frozen=True, slots=True)
class Case:
    """
    Ways to do the same work.

    :param boxes: over the threshold, for each image.
    :param kept: for each image.
    :param images: read by one call.
    """

    work: str
    ways: dict[str, Work]
    boxes: float
    kept: float
    images: int = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog='benchmark post', description=__doc__)
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--rounds', type=int, default=30, help='turns; medians are shown')
    parser.add_argument('--data', type=Path, default=DATA, metavar='FOLDER',
                        help='real models and photographs (default: ../shared/data)')
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    keep_large_blocks()   # as the nodes do: without it the usual ways pay for fresh memory
    rows: list[dict[str, Any]] = []
    for case in _cases(options.data):
        times = alternate(case.ways, options.rounds)
        rows += [{
            'work': case.work, 'boxes': case.boxes, 'kept': case.kept, 'way': way,
            'ms': median(times[way]) / case.images, 'times ours': over(times, way, OURS)}
            for way in case.ways]
    print(table(COLUMNS, rows))
    if options.json:
        write_json(options.json, {'machine': machine(), 'cases': rows})
    return 0


def _cases(data: Path) -> Iterator[Case]:
    for family in FAMILIES:
        for name, (options, crowd) in DRAWN.items():
            yield _whole(f'{family}, {name}', [draw(family, crowd)], options)
        outputs = photographed(family, data)
        if not outputs:
            print(f'No {family} model or no photographs in {data}: those rows are left out.',
                  file=sys.stderr)
            continue
        for options in (USUAL, LOW):
            yield _whole(
                f'{family}, photographs from {options.confidence_threshold:g}', outputs, options)
    for count in ALONE:
        yield _suppression(count)


def _whole(work: str, outputs: Sequence[Output], options: DetectionOptions) -> Case:
    """Return the ways to read whole outputs, checked to find the same."""
    readers = [_reader(output, options) for output in outputs]

    def usual(suppression: Suppression) -> Work:
        return lambda: [read_as_usual(output, options, suppression) for output in outputs]

    ways: dict[str, Work] = {
        OURS: lambda: [read() for read in readers],
        OPENCV: usual(by_opencv), NUMPY: usual(by_numpy)}
    found: dict[str, Any] = {way: work() for way, work in ways.items()}
    for way in ways:
        for mine, theirs in zip(found[OURS], found[way]):
            np.testing.assert_array_equal(theirs.class_id, mine.class_id, f'{work}: {way}')
            np.testing.assert_allclose(theirs.xyxy, mine.xyxy, rtol=1e-5, atol=1e-3)
    everyone = DetectionOptions(
        options.confidence_threshold, 1.0, max_detections=10_000, max_candidates=10_000)
    over_threshold = [len(_reader(output, everyone)()) for output in outputs]
    return Case(work, ways, float(np.mean(over_threshold)),
                float(np.mean([len(one) for one in found[OURS]])), len(outputs))


def _reader(output: Output, options: DetectionOptions) -> Any:
    """Return a function that reads the output with our model."""
    side, f4 = output.geometry.input_size[0], np.dtype(np.float32)
    core = MockCore(specs=[
        BlobSpec('images', f4, (1, 3, side, side), True),
        BlobSpec('output', f4, output.tensor.shape, False)], script=lambda blobs: None)
    core.load()
    card = ModelCard(output=OutputCard(decoded=False)) if output.family == 'yolox' else None
    model = open_model(output.family, core, options, card=card)
    blobs = core.lease().__enter__()   # for the life of the process
    blobs['output'].data[:] = output.tensor
    return lambda: model.postprocess(blobs, output.geometry)


def _suppression(count: int) -> Case:
    """Return the ways to suppress clusters of boxes of 10 classes, each the same ones."""
    rng = np.random.default_rng(count)
    of, boxes = clusters(rng, count, count // 3, (640, 480))
    half = boxes[:, 2:] / 2
    xyxy = np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1).astype(np.float32)
    score = np.linspace(0.95, 0.25, count, dtype=np.float32)
    class_id = of % 10
    ways: dict[str, Work] = {
        OURS: lambda: suppress(xyxy, OVERLAP, count, class_id),
        'NMSBoxesBatched': lambda: by_opencv(xyxy, score, class_id, OVERLAP, count),
        'numpy': lambda: by_numpy(xyxy, score, class_id, OVERLAP, count)}
    expected = np.asarray(ways[OURS]())
    for way, work in ways.items():
        np.testing.assert_array_equal(np.sort(np.asarray(work())), expected, way)
    return Case('suppression alone', ways, count, expected.size)


if __name__ == '__main__':
    sys.exit(main())
