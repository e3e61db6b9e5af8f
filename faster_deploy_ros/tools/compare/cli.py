# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy compare``: its words, its output, its exit code."""

from argparse import ArgumentParser, Namespace
import json

from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.report import as_json, text
from faster_deploy_ros.tools.compare.tolerance import TOLERANCES
from faster_deploy_ros.tools.inputs import read_shape
from faster_deploy_ros.tools.layout import MARKDOWN, SCREEN
from faster_deploy_ros.tools.progress import Activity

AGREED, DISAGREED = 0, 1
EPILOG = """\
examples:
  faster-deploy compare yolox_nano.onnx yolox_nano_ncnn.param --images photos/
  faster-deploy compare m.onnx tensorrt.0://m.engine --images bag/ --tolerance fp16
  faster-deploy compare m.onnx m.rknn --images photos/ --tolerance int8 --json

Both models see the same images, each as its own card says; boxes are held against boxes, depth
against depth. If they differ, the candidate is tried with other preprocessing until it agrees:
that is the mistake, and its remedy is printed.

exit code: 0 the same or within the tolerance; 1 they differ; 2 refused, the reason is printed."""


def add_arguments(parser: ArgumentParser) -> None:
    """Say what the command takes."""
    parser.epilog = EPILOG
    usual = Request('', '')
    add = parser.add_argument
    add('reference', metavar='REFERENCE', help='URI or file of the model that is right')
    add('candidate', metavar='CANDIDATE', help='URI or file of the one that should be the same')
    add('--images', metavar='DIR', help='folder of images, a video or a bag (default: rendered '
        'rooms and noise)')
    add('--max-images', type=int, default=usual.most, metavar='N',
        help='images at most, chosen evenly (default: %(default)s)')
    add('--family', default=usual.family, metavar='NAME',
        help='model family, where it cannot be told from the model')
    add('--shape', type=read_shape, action='append', default=[], metavar='NAME=NxN',
        help='close an open input of a model whose family is not known: x=1x3x224x224')
    add('--confidence', type=float, default=usual.confidence, metavar='S',
        help='score from which a detection counts (default: %(default)s)')
    add('--nms', type=float, default=usual.nms, metavar='IOU',
        help='overlap above which the weaker box goes (default: %(default)s)')
    add('--tolerance', choices=tuple(TOLERANCES), default=usual.tolerance,
        help='what may differ (default: %(default)s)')
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--json', action='store_true', help='all figures as JSON')
    form.add_argument('--markdown', action='store_true', help='the tables as Markdown')


def run(arguments: Namespace) -> int:
    """
    Compare and print; 0: same or agrees, 1: differs.

    :raises FasterDeployError: a model or an image cannot be read.
    """
    request = Request(
        arguments.reference, arguments.candidate, arguments.images, arguments.family,
        arguments.max_images, arguments.confidence, arguments.nms, arguments.tolerance,
        dict(arguments.shape))
    with Activity() as activity:
        found = compare(
            request, lambda done, of, what: activity.report(what, done, of or None))
    if arguments.json:
        print(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        print(text(found, MARKDOWN if arguments.markdown else SCREEN))
    return AGREED if found.verdict.is_good else DISAGREED
