# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Boxes against labelled images: names, ids, images that are not there, models that fail."""

import json

import cv2
from faster_deploy_ros.errors import BadValue, InferFailed, Unavailable
from faster_deploy_ros.tasks import Detections
import numpy as np
import pytest

pytest.importorskip('pycocotools')
box_figures = pytest.importorskip('faster_deploy_ros.tools.evaluate.box_figures')
coco_file = pytest.importorskip('faster_deploy_ros.tools.evaluate.coco_file')

SIZE = (64, 48)
HERE = (10, 10, 20, 20)   # x, y, width, height
THERE = (40, 5, 15, 30)


class Oracle:
    """A detector that knows the boxes; of a picture it knows the number by its grey."""

    labels = ('cat', 'dog')

    def __init__(self, known, labels=labels):
        self.known, self.labels = known, labels

    def __call__(self, frame, laps):
        found = self.known[int(frame.image[0, 0, 0])]
        if isinstance(found, Exception):
            raise found
        boxes = [(x, y, x + w, y + h) for (x, y, w, h), _, _ in found]
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4), np.array([s for _, _, s in found]),
            np.array([k for _, k, _ in found], np.int32))


@pytest.fixture
def data_set(tmp_path):
    """Return a function that writes images and their annotations, and reads them."""
    def make(boxes, kinds=(('dog', 18), ('cat', 17)), limit=None, **changes):
        folder = tmp_path / 'images'
        folder.mkdir()
        for number in range(len(boxes)):
            picture = np.full((SIZE[1], SIZE[0], 3), number, np.uint8)
            cv2.imwrite(str(folder / f'{number}.png'), picture)
        content = {
            'images': [
                {'id': number, 'file_name': f'sub/{number}.png', 'width': 64, 'height': 48}
                for number in range(len(boxes))],
            'annotations': [
                {'id': 0, 'image_id': number, 'category_id': category, 'bbox': list(box)}
                for number, known in enumerate(boxes) for box, category in known],
            'categories': [{'id': number, 'name': name} for name, number in kinds]}
        path = tmp_path / 'truth.json'
        path.write_text(json.dumps({**content, **changes}))
        return coco_file.read_labelled(path, folder, limit)

    return make


def evaluate(model, data, seats=1, most=100):
    return box_figures.evaluate(model, data, seats=seats, most=most, report=lambda *said: None)


def test_classes_are_matched_with_categories_by_their_names(data_set):
    data = data_set([[(HERE, 17)], [(THERE, 18), (HERE, 17)]])
    found = evaluate(Oracle([[(HERE, 0, 0.9)], [(THERE, 1, 0.8), (HERE, 0, 0.7)]]), data)
    assert found.judged.ap() == pytest.approx(1)
    assert found.judged.ar() == pytest.approx(1)
    assert [one['category_id'] for one in found.results] == [17, 18, 17]
    assert found.results[1]['bbox'] == list(THERE)
    assert not found.notes


def test_an_annotation_whose_id_is_0_is_an_object_like_any_other(data_set):
    data = data_set([[(HERE, 17)]])   # pycocotools alone counts it as never found
    assert evaluate(Oracle([[(HERE, 0, 0.9)]]), data).judged.ap(0.5) == pytest.approx(1)


def test_what_labelling_tools_leave_out_is_filled_in(data_set):
    sparse = {'image_id': 0, 'category_id': 17, 'bbox': list(HERE), 'area': None, 'iscrowd': None}
    data = data_set([[]], annotations=[sparse])
    truth, = data.samples[0].load()[1]
    assert (truth['area'], truth['iscrowd']) == (400, 0)
    assert evaluate(Oracle([[(HERE, 0, 0.9)]]), data).judged.ap(area='small') == pytest.approx(1)


def test_names_match_whatever_their_blanks_and_capitals():
    matched, notes = box_figures.match(
        ('PottedPlant', 'cell_phone', 'T-Shirt'),
        {'cell phone': 77, 'potted plant': 64, 't shirt': 3})
    assert matched == {0: 64, 1: 77, 2: 3}
    assert notes == []
    with pytest.raises(BadValue, match="has the class 'potted plant' twice"):
        box_figures.match(('pottedplant', 'potted plant'), {'potted plant': 64})


def test_names_of_one_side_alone_are_said_and_not_judged(data_set):
    data = data_set([[(HERE, 17), (THERE, 30)]], kinds=[('cat', 17), ('bear', 30)])
    found = evaluate(Oracle([[(HERE, 0, 0.9), (THERE, 1, 0.9)]]), data)
    assert found.judged.ap() == pytest.approx(1), 'no bear is missed, and no dog is wrong'
    assert [one['category_id'] for one in found.results] == [17]
    said = ' '.join(found.notes)
    assert 'left out: dog' in said
    assert 'not judged: bear' in said


def test_a_crowd_is_neither_right_nor_wrong_and_no_object(data_set):
    crowd = {'image_id': 0, 'category_id': 17, 'bbox': list(THERE), 'iscrowd': 1}
    alone = {'image_id': 0, 'category_id': 17, 'bbox': list(HERE), 'iscrowd': 0}
    data = data_set([[]], annotations=[crowd, alone])
    found = evaluate(Oracle([[(THERE, 0, 0.95), (HERE, 0, 0.9)]]), data)
    assert found.judged.ap() == pytest.approx(1)
    assert found.objects == [17]


def test_images_without_an_object_of_the_models_classes_give_no_figure(data_set):
    data = data_set([[(HERE, 30)]], kinds=[('cat', 17), ('bear', 30)])
    with pytest.raises(BadValue, match=r'no object of a class that the model knows \(cat\)'):
        evaluate(Oracle([[(HERE, 0, 0.9)]]), data)


def test_classes_without_a_common_name_are_refused(data_set):
    data = data_set([[(HERE, 1)]], kinds=[('dent', 1)])
    with pytest.raises(BadValue, match=r'cat, dog.*dent.*no name in common'):
        evaluate(Oracle([[]]), data)


def test_labels_in_another_order_are_a_mistake_of_their_own(data_set):
    data = data_set([[(HERE, 17)], [(THERE, 18)]])
    boxes = [[(HERE, 0, 0.9)], [(THERE, 1, 0.9)]]
    assert not evaluate(Oracle(boxes), data).mistakes
    mistake, = evaluate(Oracle(boxes, labels=('dog', 'cat')), data).mistakes
    assert 'AP50 0.000, and 1.000 without names' in mistake


def test_a_bad_detector_is_no_mistake_of_the_labels(data_set):
    data = data_set([[(HERE, 17)], [(THERE, 18)]])
    assert not evaluate(Oracle([[((0, 0, 5, 5), 0, 0.9)], []]), data).mistakes


def test_a_detector_that_finds_nothing_has_figures_of_0(data_set):
    found = evaluate(Oracle([[], []]), data_set([[(HERE, 17)], [(THERE, 18)]]))
    assert (found.judged.ap(), found.judged.ar()) == (0, 0)
    assert not found.mistakes


def test_of_the_boxes_of_an_image_only_the_best_count(data_set):
    data = data_set([[(HERE, 17), (THERE, 17)]])
    model = Oracle([[(THERE, 0, 0.8), (HERE, 0, 0.9)]])
    assert evaluate(model, data).judged.ar() == pytest.approx(1)
    assert evaluate(model, data, most=1).judged.ar() == pytest.approx(0.5)


def test_an_image_that_fails_counts_as_nothing_found(data_set):
    data = data_set([[(HERE, 17)], [(THERE, 17)]])
    found = evaluate(Oracle([[(HERE, 0, 0.9)], InferFailed('it holds NaN')]), data)
    assert found.judged.ap(0.5) == pytest.approx(51 / 101)
    assert found.failures == {'sub/1.png': 'it holds NaN'}
    assert found.images == 2


def test_an_image_that_cannot_be_read_is_left_out_and_said(data_set, tmp_path):
    data = data_set([[(HERE, 17)], [(THERE, 17)]])
    (tmp_path / 'images' / '1.png').write_bytes(b'\x89PNG and no more')
    found = evaluate(Oracle([[(HERE, 0, 0.9)], []]), data)
    assert found.judged.ap(0.5) == pytest.approx(1)
    assert (found.images, list(found.failures)) == (1, ['sub/1.png'])


def test_an_image_of_another_size_than_its_labels_is_refused(data_set, tmp_path):
    data = data_set([[(HERE, 17)], [(THERE, 17)]])
    cv2.imwrite(str(tmp_path / 'images' / '1.png'), np.zeros((64, 48, 3), np.uint8))
    found = evaluate(Oracle([[(HERE, 0, 0.9)], []]), data)
    assert '48x64 pixels, expected 64x48' in found.failures['sub/1.png']


def test_when_every_image_fails_there_is_no_figure(data_set):
    data = data_set([[(HERE, 17)]])
    with pytest.raises(BadValue, match='no image could be evaluated: it holds NaN'):
        evaluate(Oracle([InferFailed('it holds NaN')]), data)


def test_images_that_are_not_there_are_left_out_and_said(data_set, tmp_path):
    images = [{'id': number, 'file_name': f'{number}.png'} for number in range(5)]
    data = data_set([[(HERE, 17)], [(HERE, 17)]], images=images)
    assert [sample.name for sample in data.samples] == ['0.png', '1.png']
    assert "3 of the 5 images of 'truth.json' are not in" in data.notes[0]
    assert '2.png for one' in data.notes[0]


def test_a_limit_takes_the_first_images(data_set):
    data = data_set([[(HERE, 17)]] * 4, limit=2)
    assert [sample.number for sample in data.samples] == [0, 1]


def test_the_figures_are_the_same_for_any_number_of_seats(data_set):
    random = np.random.default_rng(0)
    known = [[((int(x), int(y), 12, 12), 17)] for x, y in random.integers(0, 36, (24, 2))]
    said = [[((box[0] + int(shift), *box[1:]), 0, round(float(score), 3))]
            for [(box, _)], shift, score in zip(
                known, random.integers(0, 5, 24), random.random(24))]
    data = data_set(known)
    one, four = (evaluate(Oracle(said), data, seats=seats) for seats in (1, 4))
    assert 0.2 < one.judged.ap() < 0.9
    assert one.results == four.results
    assert one.judged.ap() == four.judged.ap()


def test_a_fault_of_a_model_is_raised_and_ends_the_workers(data_set):
    with pytest.raises(ZeroDivisionError):
        evaluate(Oracle([ZeroDivisionError()] * 3), data_set([[(HERE, 17)]] * 3), seats=2)


@pytest.mark.parametrize(('changes', 'said'), [
    ({'images': []}, 'there is no image in it'),
    ({'images': None}, 'images is None'),
    ({'images': [{'id': 1}]}, "an image is {'id': 1}"),
    ({'images': [{'id': 1, 'file_name': '0.png'}] * 2}, 'two images have the same id'),
    ({'annotations': [{'image_id': 0, 'category_id': 17, 'bbox': [1, 2, 3]}]}, 'an annotation is'),
    ({'annotations': [{'image_id': 0, 'category_id': 5, 'bbox': [1, 2, 3, 4]}]},
     'the category_id 5'),
    ({'categories': [{'id': 1, 'name': 'cat'}, {'id': 1, 'name': 'dog'}]}, 'the same id or name'),
])
def test_a_file_that_is_no_annotation_file_says_what_is_wrong(changes, said, data_set):
    with pytest.raises(BadValue, match=f'(?s)--dataset.*{said}'):
        data_set([[(HERE, 17)]], **changes)


def test_a_file_that_is_cut_off_or_absent_is_refused(tmp_path):
    path = tmp_path / 'cut.json'
    path.write_text('{"images": [')
    with pytest.raises(BadValue, match=r'is not JSON .*is the file whole'):
        coco_file.read_labelled(path, tmp_path)
    with pytest.raises(Unavailable, match='there is no file'):
        coco_file.read_labelled(tmp_path / 'absent.json', tmp_path)


def test_a_folder_without_the_images_is_refused(data_set, tmp_path):
    with pytest.raises(BadValue, match=r'none of the 1 images .*expected far/away.png'):
        data_set([], images=[{'id': 1, 'file_name': 'far/away.png'}])
    with pytest.raises(Unavailable, match='there is no folder'):
        coco_file.read_labelled(tmp_path / 'truth.json', tmp_path / 'absent')


def test_objects_that_are_hardly_seen_in_a_room_are_neither_right_nor_wrong():
    data = coco_file.labelled_scenes(3, 60_005, (320, 240))
    truths = [sample.load()[1] for sample in data.samples]
    crowds = [one for truth in truths for one in truth if one['iscrowd']]
    objects = [one for truth in truths for one in truth if not one['iscrowd']]
    assert crowds, 'or this test shows nothing'
    assert {one['category_id'] for one in crowds} == {1, 2, 3}
    assert objects
    assert data.categories == {'sphere': 1, 'cube': 2, 'cone': 3}
