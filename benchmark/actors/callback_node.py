# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The plain node that everybody writes first: everything in the subscription callback."""

import argparse
from collections.abc import Callable
from contextlib import suppress
import sys

import cv2
import numpy as np
import onnxruntime
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

SCORE, OVERLAP = 0.25, 0.45   # the defaults of our node
Objects = tuple[np.ndarray, np.ndarray, np.ndarray]   # xyxy (n, 4), score (n,), class (n,)


class PlainYolox:
    """
    YOLOX straight on onnxruntime with OpenCV and numpy; none of our code.

    :param threads: intra-op threads; 0 is the runtime's default, with its spinning.
    """

    def __init__(self, path: str, threads: int) -> None:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(path, options, ['CPUExecutionProvider'])
        entry = self._session.get_inputs()[0]
        self._input, (_, _, self._height, self._width) = entry.name, entry.shape
        cells, strides = [], []
        for stride in (8, 16, 32):
            y, x = np.mgrid[:self._height // stride, :self._width // stride]
            cells.append(np.stack((x.ravel(), y.ravel()), 1))
            strides.append(np.full((x.size, 1), stride))
        self._cells = np.concatenate(cells).astype(np.float32)
        self._strides = np.concatenate(strides).astype(np.float32)
        shape = self._session.get_outputs()[0].shape
        if len(shape) != 3 or shape[1] != len(self._cells):
            raise SystemExit(f'callback_node: {path} is no YOLOX model, its output is {shape}; '
                             'use --callback-code ours')

    def __call__(self, image: np.ndarray) -> Objects:
        """Find the objects in an image ``(h, w, 3)``, BGR."""
        height, width = image.shape[:2]
        scale = min(self._height / height, self._width / width)
        padded = np.full((self._height, self._width, 3), 114, np.uint8)
        size = round(width * scale), round(height * scale)
        padded[:size[1], :size[0]] = cv2.resize(image, size)
        blob = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32)
        rows = self._session.run(None, {self._input: blob})[0][0]
        scores = rows[:, 4:5] * rows[:, 5:]
        class_id = scores.argmax(1)
        score = scores[np.arange(len(rows)), class_id]
        keep = np.flatnonzero(score > SCORE)
        rows, score, class_id = rows[keep], score[keep], class_id[keep]
        centre = (rows[:, :2] + self._cells[keep]) * self._strides[keep] / scale
        half = np.exp(rows[:, 2:4]) * self._strides[keep] / scale / 2
        xyxy = np.concatenate((centre - half, centre + half), 1)
        apart = class_id[:, None] * 1e5   # so that boxes of two classes never overlap
        boxes = np.concatenate((centre - half + apart, half * 2), 1)
        best = cv2.dnn.NMSBoxes(boxes.tolist(), score.tolist(), SCORE, OVERLAP)
        best = np.asarray(best, int).ravel()
        return xyxy[best], score[best], class_id[best]


def our_model(path: str, threads: int) -> Callable[[np.ndarray], Objects]:
    """Make the same from our own core and model, so that only the road differs."""
    from faster_deploy_ros.cores import open_core
    from faster_deploy_ros.frame import Frame
    from faster_deploy_ros.stopwatch import Stopwatch
    from faster_deploy_ros.tasks import open_model

    core = open_core(
        f'onnxruntime.0://{path}?threads={threads}&spinning={int(not threads)}')
    model = open_model('auto', core)

    def find(image: np.ndarray) -> Objects:
        found = model(Frame(0, '', image), Stopwatch())
        return found.xyxy, found.score, found.class_id
    return find


def main() -> None:
    """Subscribe, and do everything in the callback until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', required=True)
    parser.add_argument('--threads', type=int, default=0)
    parser.add_argument('--code', choices=('plain', 'ours'), default='plain')
    parser.add_argument('--image-topic', required=True)
    parser.add_argument('--result-topic', required=True)
    options = parser.parse_args()
    find = (PlainYolox if options.code == 'plain' else our_model)(options.model, options.threads)
    find(np.zeros((480, 640, 3), np.uint8))
    rclpy.init()
    node = rclpy.create_node('callback_node')
    publisher = node.create_publisher(Detection2DArray, options.result_topic, 10)

    def on_image(message: Image) -> None:
        pixels = np.frombuffer(message.data, np.uint8)
        image = pixels.reshape(message.height, message.step)[:, :message.width * 3]
        publisher.publish(to_message(message, *find(image.reshape(message.height, -1, 3))))

    node.create_subscription(
        Image, options.image_topic, on_image,
        QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


def to_message(
        image: Image, xyxy: np.ndarray, score: np.ndarray,
        class_id: np.ndarray) -> Detection2DArray:
    """Make the message of one image's objects."""
    message = Detection2DArray(header=image.header)
    for box, certainty, number in zip(xyxy.tolist(), score.tolist(), class_id.tolist()):
        detection = Detection2D(header=image.header)
        detection.bbox.center.position.x = (box[0] + box[2]) / 2
        detection.bbox.center.position.y = (box[1] + box[3]) / 2
        detection.bbox.size_x, detection.bbox.size_y = box[2] - box[0], box[3] - box[1]
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = str(number), certainty
        detection.results.append(hypothesis)
        message.detections.append(detection)
    return message


if __name__ == '__main__':
    sys.exit(main())
