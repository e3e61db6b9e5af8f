# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Sources of pictures: the same ones every time, and clear words when there are none."""

from itertools import islice

import cv2
from faster_deploy_ros.errors import BadFrame, BadValue, Unavailable
from faster_deploy_ros.pinhole import Pinhole
from faster_deploy_ros.scenes import LABELS, SceneRenderer
from faster_deploy_ros.sources import kind_of, open_source, SOURCES
from faster_deploy_ros.sources.folder import FolderSource
from faster_deploy_ros.sources.shot import fitted
import numpy as np
import pytest


def grey(value, size=(64, 48)):
    return np.full((size[1], size[0], 3), value, np.uint8)


@pytest.fixture
def video(tmp_path):
    path = tmp_path / 'short.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 12.5, (64, 48))
    if not writer.isOpened():
        pytest.skip('this OpenCV cannot write MJPG in AVI')
    for number in range(5):
        writer.write(grey(40 * number))
    writer.release()
    return path


def test_a_scene_shows_the_same_pictures_on_every_iteration():
    source = open_source('scene', size=(160, 120), seed=3)
    first, again = list(islice(source, 4)), list(islice(source, 4))
    for one, other in zip(first, again):
        np.testing.assert_array_equal(one.frame.image, other.frame.image)
        assert one.truth == other.truth
    assert first[0].frame.image.shape == (120, 160, 3)
    assert not np.array_equal(first[0].frame.image, first[3].frame.image)


@pytest.mark.parametrize(('index', 'room', 'frame'), [(30, 5, 30), (49, 5, 49), (110, 7, 10)])
def test_a_scene_is_one_room_after_another_with_its_truth(index, room, frame):
    shot = next(islice(open_source('scene', seed=5), index, None))
    scene = SceneRenderer(room, size=(640, 480)).render(frame)
    np.testing.assert_array_equal(shot.frame.image, scene.image)
    judged = [box for box in shot.truth if box.judged]
    assert [box.label for box in judged] == [LABELS[number] for number in scene.class_id]
    np.testing.assert_allclose([box.xyxy for box in judged], scene.boxes)
    assert len(shot.truth) == len(scene.boxes) + len(scene.ignored)
    assert judged, 'this picture shows something'
    np.testing.assert_array_equal(shot.depth, scene.depth)
    (fx, _, cx), (_, fy, cy), _ = scene.camera_matrix
    assert shot.camera == Pinhole(640, 480, fx, fy, cx, cy)


@pytest.mark.parametrize('wrong', [{'seed': -1}, {'size': (10, 10)}])
def test_a_scene_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadValue, match=r"source 'scene': .*seed >= 0 and sides of 32"):
        open_source('scene', **wrong)


def test_a_video_tells_its_rate_and_length_and_gives_each_picture_once(video):
    source = open_source(str(video))
    assert (source.fps, source.length) == (12.5, 5)
    shots = list(source)
    assert [round(shot.frame.image.mean() / 40) for shot in shots] == [0, 1, 2, 3, 4]
    assert [shot.frame.stamp_ns for shot in shots] == [80_000_000 * k for k in range(5)]
    assert len(list(source)) == 5, 'a second reading begins anew'
    assert all(shot.truth is None for shot in shots)


def test_a_size_is_given_to_every_picture(video):
    assert {shot.frame.image.shape for shot in open_source(str(video), size=(32, 20))} == {
        (20, 32, 3)}


def test_a_picture_of_the_asked_size_is_not_copied():
    image = grey(7)
    assert fitted(image, (64, 48)) is image
    assert fitted(image, None) is image


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f'frame{number}.png'), grey(number))
    (tmp_path / 'notes.txt').write_text('no image')
    source = open_source(str(tmp_path))
    assert source.length == 3
    assert [shot.frame.image[0, 0, 0] for shot in source] == [1, 2, 10]


def test_one_image_is_a_source_of_one_picture(tmp_path):
    path = tmp_path / 'ünicode.png'
    assert cv2.imencode('.png', grey(9))[1].tofile(path) is None
    (shot,) = open_source(str(path))
    assert shot.frame.image[3, 3, 1] == 9


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / 'broken.jpg').write_bytes(b'\xff\xd8 not really')
    (tmp_path / 'empty.png').touch()
    for name in ('broken.jpg', 'empty.png'):
        with pytest.raises(BadFrame, match=name):
            list(open_source(str(tmp_path / name)))


def test_a_folder_without_images_says_what_it_expects(tmp_path):
    with pytest.raises(BadFrame, match=r'no image .* \.jpg'):
        open_source(str(tmp_path))


def test_nothing_of_that_name_lists_what_a_source_may_be():
    with pytest.raises(Unavailable, match=r"'/no/such/thing'.*video file.*bag folder.*webcam"):
        open_source('/no/such/thing')


def test_a_file_that_is_no_video_is_refused(tmp_path):
    path = tmp_path / 'text.mp4'
    path.write_text('hello')
    with pytest.raises(BadFrame, match=r'text\.mp4.*cannot open it as a video'):
        open_source(str(path))


@pytest.mark.parametrize(('spec', 'kind'), [
    ('scene', 'scene'), ('0', 'webcam'), ('folder', 'folder'), ('one.JPG', 'folder'),
    ('film.mp4', 'video'), ('bag', 'bag'), ('bag?topic=/camera', 'bag'),
])
def test_the_kind_of_a_source_is_told_from_what_is_there(tmp_path, monkeypatch, spec, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'bag').mkdir()
    for name in ('one.JPG', 'film.mp4', 'bag/metadata.yaml'):
        (tmp_path / name).touch()
    assert kind_of(spec) == kind
    assert kind in SOURCES


def test_a_webcam_that_is_not_there_is_unavailable():
    source = open_source('97')
    assert source.live
    with pytest.raises(Unavailable, match='webcam 97 cannot be opened'):
        next(iter(source))


class FakeWebcam:
    """What OpenCV gives for a device: two pictures, then it is unplugged."""

    def __init__(self, index):
        self.asked = {'index': index}
        self.left = 2
        FakeWebcam.last = self

    def isOpened(self):
        return True

    def set(self, what, value):
        self.asked[what] = value

    def read(self):
        self.left -= 1
        return self.left >= 0, grey(max(self.left, 0))

    def release(self):
        self.asked['released'] = True


def test_a_webcam_is_asked_for_the_size_and_given_back(monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', FakeWebcam)
    shots = []
    with pytest.raises(BadFrame, match='unplugged'):
        shots.extend(open_source('3', size=(32, 24)))
    shots = list(islice(open_source('3', size=(32, 24)), 2))
    assert [shot.frame.image.shape for shot in shots] == [(24, 32, 3)] * 2
    assert shots[0].frame.stamp_ns < shots[1].frame.stamp_ns
    asked = FakeWebcam.last.asked
    assert asked['index'] == 3
    assert (asked[cv2.CAP_PROP_FRAME_WIDTH], asked[cv2.CAP_PROP_FRAME_HEIGHT]) == (32, 24)
    assert asked['released'], 'the device is free for the next program'


def test_only_a_webcam_cannot_be_read_twice():
    assert [name for name in SOURCES if SOURCES.resolve(name).live] == ['webcam']
    assert not FolderSource.live


def test_a_video_and_a_bag_of_a_real_camera_are_read(shared_data):
    video = open_source(str(shared_data / 'video' / 'one-by-one-person-detection.mp4'))
    assert (video.fps, video.length) == (10.0, 1394)
    assert next(iter(video)).frame.image.shape == (432, 768, 3)
    bag = open_source(str(shared_data / 'bags' / 'person_compressed_mcap'))
    assert bag.length == 80
    assert bag.fps == pytest.approx(10.0)
    shots = list(bag)
    assert len(shots) == 80
    assert shots[0].frame.stamp_ns == 1_700_000_000 * 10**9
    assert shots[1].frame.stamp_ns - shots[0].frame.stamp_ns == 100_000_000
    assert shots[0].frame.image.shape == (432, 768, 3)
