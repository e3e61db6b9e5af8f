# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A depth node on the bench, with a model whose depth the picture decides."""

from array import array

from faster_deploy_ros.nodes.depth_node import DepthNode
from image_messages import gradient
import make_models
import numpy as np
from onnx import helper, numpy_helper
from rig import DEEP, Rig
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

WIDTH, HEIGHT = 64, 32   # of the model's input and output
K = (70.0, 0.0, 30.5, 0.0, 80.0, 25.0, 0.0, 0.0, 1.0)


def metres(brightness):
    """Return what the net says of pixels, 0 to 255."""
    return 10 * np.sqrt(0.9 - np.asarray(brightness, float) / 255)


GREY = float(metres(90))                    # of the rig's images
BLACK = array('B', bytes(48 * 192))
WHITE = array('B', b'\xff' * (48 * 192))   # of which the net says NaN


def depth_net(*, maps='[1,1,h,w]', **metadata):
    """Return a net that says 10 sqrt(0.9 - brightness): 9.5 for black, NaN for white."""
    shape = (1, 1, HEIGHT, WIDTH) if maps == '[1,1,h,w]' else (1, HEIGHT, WIDTH)
    return make_models.model(
        [helper.make_node('ReduceMean', ['image'], ['mean'], axes=[1], keepdims=len(shape) - 3),
         helper.make_node('Sub', ['limit', 'mean'], ['left']),
         helper.make_node('Sqrt', ['left'], ['root']),
         helper.make_node('Mul', ['root', 'ten'], ['depth'])],
        [make_models.tensor('image', (1, 3, HEIGHT, WIDTH))],
        [make_models.tensor('depth', shape)],
        weights=[numpy_helper.from_array(np.float32(value), name)
                 for name, value in (('limit', 0.9), ('ten', 10.0))], **metadata)


def metric_net(path, unit='m'):
    """Write the net as one of metric depth."""
    path.write_bytes(depth_net(family='metric_depth', unit=unit))
    return str(path)


def relative_net(path):
    """Write it as one of relative inverse depth; the card says that its pixels are 0 to 1."""
    path.write_bytes(depth_net(maps='[1,h,w]', family='midas'))
    path.with_suffix('.yaml').write_text(
        'family: midas\ninput: {scale: 1, mean: [0, 0, 0], std: [1, 1, 1]}\n')
    return str(path)


def calibration(k=K, width=64, height=48, p=None, **fields):
    """Return a CameraInfo; p is k with a column of zeros unless it is given."""
    rows = np.reshape(np.array(k, float), (3, 3))
    message = CameraInfo(
        width=width, height=height, distortion_model='plumb_bob', d=[0.0] * 5, k=list(k),
        p=list(np.c_[rows, np.zeros(3)].ravel() if p is None else p), **fields)
    message.header.frame_id = 'camera'
    return message


def colourful():
    """Return the fields of a smooth picture in which no two corners are alike."""
    return {'data': array('B', gradient().tobytes())}


def complaints(capfd, words):
    """Return the lines of the log with these words, since the last time."""
    return [line for line in capfd.readouterr().err.splitlines() if words in line]


def points_of(cloud):
    """Return the fields of a cloud by name, each (h, w), as its own description says."""
    dtype = np.dtype({
        'names': [field.name for field in cloud.fields],
        'formats': ['<f4'] * len(cloud.fields),
        'offsets': [field.offset for field in cloud.fields], 'itemsize': cloud.point_step})
    assert all(field.datatype == field.FLOAT32 and field.count == 1 for field in cloud.fields)
    assert cloud.row_step == cloud.width * cloud.point_step
    assert len(cloud.data) == cloud.height * cloud.row_step
    return np.frombuffer(cloud.data, dtype).reshape(cloud.height, cloud.width)


def depth_of(message):
    """Return the pixels of a depth image."""
    dtype = {'32FC1': '<f4', '16UC1': '<u2'}[message.encoding]
    assert message.step == message.width * np.dtype(dtype).itemsize
    assert message.is_bigendian == 0
    return np.frombuffer(message.data, dtype).reshape(message.height, message.width)


class DepthRig(Rig):
    """Everything a depth node publishes, in the order in which it came."""

    node_type = DepthNode
    message_type = Image
    topic = 'depth/image_rect'
    defaults = {}

    def __init__(self, topic='depth/image_rect', **parameters):
        self.topic = topic
        super().__init__(**parameters)
        self.calibrations = self.bench.create_publisher(CameraInfo, 'camera_info', DEEP)
        self.heard = []   # (topic, stamp), all topics together
        self.infos, self.clouds, self.pictures = [], [], []
        self.subscriptions = {}
        self.published = [0, 0, 0, 0]   # messages of depth, info, points and debug

    def listen(self, topic):
        """Subscribe to one of the lazy topics and wait until the node knows."""
        kind, kept = {'depth/camera_info': (CameraInfo, self.infos),
                      'points': (PointCloud2, self.clouds),
                      'debug_image': (Image, self.pictures)}[topic]

        def hear(message):
            kept.append(message)
            self.heard.append((topic, message.header.stamp.nanosec))

        self.subscriptions[topic] = self.bench.create_subscription(kind, topic, hear, DEEP)
        self.until(lambda: self.node.count_subscribers(topic) == 1
                   and self.bench.count_publishers(topic) == 1)
        self.spin(3)

    def leave(self, topic):
        """Stop listening to a topic and wait until the node knows."""
        self.bench.destroy_subscription(self.subscriptions.pop(topic))
        self.until(lambda: self.node.count_subscribers(topic) == 0)

    def calibrate(self, message=None):
        """Send a CameraInfo and wait until the node has it."""
        message = calibration() if message is None else message
        before = self.node.cameras.received
        self.until(lambda: self.calibrations.get_subscription_count() == 1)
        self.calibrations.publish(message)
        self.until(lambda: self.node.cameras.received == before + 1)

    def serve(self, count=1, **fields):
        """Send images, wait until all of them have ended and what was published has arrived."""
        self._watch(self.node._outlet)
        health = self.node.road.health
        before = health.arrivals.received
        self.send(count, **fields)
        self.until(lambda: health.arrivals.received == before + count and not health.in_flight
                   and self.published == [len(heard) for heard in (
                       self.results, self.infos, self.clouds, self.pictures)])

    def _watch(self, outlet):
        """Count what an outlet publishes from now on."""
        if 'publish' in vars(outlet):
            return
        publish = outlet.publish

        def count(messages):
            publish(messages)
            self.published = [
                number + (message is not None)
                for number, message in zip(self.published, messages)]
        outlet.publish = count
