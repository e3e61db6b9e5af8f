# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""On labelled photographs the models are as good as in the tools they come from."""

import cv2
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DetectionOptions, open_model
import pytest

pytestmark = pytest.mark.core

# From the data folder's README: 64 images, scores over 0.01, suppression at 0.65.
AP50 = {'yolox_nano': 0.509, 'yolov8n_dequant_fp32': 0.578, 'deimv2_atto_coco_fp32': 0.453}
FAMILIES = {'deimv2_atto_coco_fp32': 'rtdetr'}


def detections(path, coco, folder):
    """Return what the model finds in all images, in COCO's result format."""
    ids = {each['name']: each['id'] for each in coco.loadCats(coco.getCatIds())}
    found = []
    with open_core(f'onnxruntime.0://{path}') as core:
        model = open_model(FAMILIES.get(path.stem, 'auto'), core, DetectionOptions(
            confidence_threshold=0.01, nms_threshold=0.65))
        for image in coco.loadImgs(coco.getImgIds()):
            frame = Frame(0, '', cv2.imread(str(folder / image['file_name'])))
            result = model(frame, Stopwatch())
            found += [
                {'image_id': image['id'], 'category_id': ids[model.labels[label]],
                 'bbox': [x1, y1, x2 - x1, y2 - y1], 'score': score}
                for (x1, y1, x2, y2), score, label in zip(
                    result.xyxy.tolist(), result.score.tolist(), result.class_id.tolist())]
    return found


@pytest.mark.parametrize('name', AP50)
def test_the_accuracy_on_coco_images_is_the_models_own(shared_data, name):
    pytest.importorskip('onnxruntime')
    coco_module = pytest.importorskip('pycocotools.coco')
    evaluation = pytest.importorskip('pycocotools.cocoeval')
    truth = coco_module.COCO(str(shared_data / 'coco_subset' / 'instances.json'))
    found = detections(
        shared_data / 'models' / f'{name}.onnx', truth, shared_data / 'coco_subset' / 'images')
    judge = evaluation.COCOeval(truth, truth.loadRes(found), 'bbox')
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[1] == pytest.approx(AP50[name], abs=0.01)
