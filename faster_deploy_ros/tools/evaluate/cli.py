# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy evaluate``: its words, its output, its exit code."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
import json
from pathlib import Path
import re
import sys

from faster_deploy_ros.tools.card_words import add_card_arguments
from faster_deploy_ros.tools.evaluate.findings import Findings
from faster_deploy_ros.tools.evaluate.orders import Orders, read_orders
from faster_deploy_ros.tools.evaluate.samples import SCENE, SCENE_FRAMES, SCENE_SEED
from faster_deploy_ros.tools.progress import Activity

GOOD, DOUBTFUL = 0, 1
EPILOG = """\
examples:
  faster-deploy evaluate yolox_nano.onnx --dataset instances_val2017.json --images val2017/
  faster-deploy evaluate models/shapes_yolox.onnx --dataset scene --plots plots/
  faster-deploy evaluate openvino.0://yolox_nano.onnx --dataset a.json --images a/ --json
  faster-deploy evaluate kitti.onnx --depth --images rgb/ --truth depth/ --truth-scale 256 \\
      --set output.unit=dm
  faster-deploy evaluate models/rooms_depth.onnx --depth --images scene

exit code: 0 measured; 1 measured, but images failed or the model is probably read wrong (units,
labels, inverse depth): the output says which; 2 refused, the reason is printed."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EPILOG
    parser.add_argument('model', metavar='MODEL', help='URI or file of the model')
    add_card_arguments(parser)
    _add_data(parser)
    _add_detection(parser)
    _add_depth(parser)
    add = parser.add_argument
    add('--seats', type=int, default=1, metavar='N',
        help='images in flight at once; the figures are the same (default: %(default)s)')
    add('--results', type=Path, metavar='FILE',
        help="boxes: COCO's file of results; --depth: errors of each image, .csv or .json")
    add('--plots', type=Path, metavar='DIR', help='folder for pictures: precision over recall; '
        '--depth: the worst, the median and the best image')
    add('--json', action='store_true', help='print JSON instead of the tables')


def _add_data(parser: ArgumentParser) -> None:
    add = parser.add_argument_group('pictures').add_argument
    add('--dataset', metavar='FILE',
        help=f"annotations of COCO's format, or '{SCENE}': rendered rooms")
    add('--images', metavar='DIR', help=f"folder of the images; '{SCENE}': rendered rooms")
    add('--limit', type=int, metavar='N', help='the first N images of the folder')
    add('--frames', type=int, metavar='N', help=f'pictures of rooms (default: {SCENE_FRAMES})')
    add('--seed', type=int, metavar='N', help=f'of the first room (default: {SCENE_SEED})')
    add('--size', type=_size, metavar='WxH', help='of the rooms (default: 640x480)')


def _add_detection(parser: ArgumentParser) -> None:
    add = parser.add_argument_group('boxes').add_argument
    add('--confidence', type=float, default=0.01, metavar='S',
        help='lowest score that counts (default: %(default)s)')
    add('--nms', type=float, default=0.65, metavar='IOU',
        help='overlap above which the weaker box goes (default: %(default)s)')
    add('--max-detections', type=int, default=100, metavar='N',
        help='boxes of an image that count (default: %(default)s)')
    add('--per-class', action='store_true', help='a table of the classes too')


def _add_depth(parser: ArgumentParser) -> None:
    group = parser.add_argument_group('depth')
    group.add_argument('--depth', action='store_true', help='the model says depth, not boxes')
    group.add_argument(
        '--truth', metavar='DIR',
        help='measured depth, by the names of the images: .png, .tiff, .npy; 0 or NaN: not known')
    group.add_argument(
        '--truth-scale', type=float, metavar='N',
        help='metres = value / N: 1000 of millimetres, 5000 of TUM, 256 of KITTI')
    group.add_argument(
        '--truth-disparity', type=float, metavar='FB',
        help='the truth is disparity: metres = FB / (value / N), FB in pixels x metres')
    group.add_argument(
        '--min-depth', type=float, metavar='M', help='nearer is not judged (default: 0.001)')
    group.add_argument(
        '--max-depth', type=float, metavar='M', help='farther is not judged (default: 80)')


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if not found:
        raise ArgumentTypeError(f"got '{text}', expected width x height, as in 640x480")
    return int(found[1]), int(found[2])


def run(chosen: Namespace) -> int:
    """
    Evaluate and print; 1: an image failed, or the model is probably read wrong.

    :raises FasterDeployError: model, images or truth cannot be read.
    """
    orders = read_orders(chosen)
    with Activity() as activity:
        found = _evaluate(orders, chosen, activity)
    if chosen.json:
        print(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        print(found.text)
    for path in found.written:
        print(f'  {path} written', file=sys.stderr)
    return GOOD if found.is_sound else DOUBTFUL


def _evaluate(orders: Orders, chosen: Namespace, activity: Activity) -> Findings:
    if chosen.depth:
        from faster_deploy_ros.tools.evaluate.depth import DepthWords, evaluate_depth
        from faster_deploy_ros.tools.evaluate.depth_figures import Range
        from faster_deploy_ros.tools.evaluate.depth_truth import TruthFormat
        limits = {name: value for name, value in (
            ('least_m', chosen.min_depth), ('most_m', chosen.max_depth)) if value is not None}
        return evaluate_depth(
            orders, DepthWords(
                Path(chosen.truth) if chosen.truth else None,
                TruthFormat(chosen.truth_scale, chosen.truth_disparity), Range(**limits)),
            activity.report)
    from faster_deploy_ros.tools.evaluate.detection import BoxWords, evaluate_detector
    return evaluate_detector(
        orders, BoxWords(
            Path(chosen.dataset) if orders.pictures.folder and chosen.dataset else None,
            chosen.confidence, chosen.nms, chosen.max_detections, chosen.per_class),
        activity.report)
