# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The table of well-known models.

Addresses, sizes and checksums were looked up in public projects that pin these files; a fact that
was not found there is None. Revisions are pinned: an address without one may change its content.
"""

from collections.abc import Mapping
import difflib
from types import MappingProxyType

from faster_deploy_ros.errors import UnknownName
from faster_deploy_ros.tasks.card import InputCard, ModelCard, OutputCard
from faster_deploy_ros.tasks.labels import COCO
from faster_deploy_ros.tools.models.model import Asset, DEPTH, DETECTION, ZooModel

_GITHUB, _HUB = 'https://github.com', 'https://huggingface.co'
# Who says that a checksum is right.
_HOST = 'the host publishes it, and several projects pin it'
_SEVERAL = 'not published; several independent projects pin it'
_ONE = 'not published; one project pins it'

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)   # of ImageNet


def _yolox(size: int) -> ModelCard:
    return ModelCard('yolox', COCO, InputCard(
        size=(size, size), color='bgr', scale=255, letterbox='corner', pad=114),
        OutputCard(decoded=False))


def _ultralytics(family: str) -> ModelCard:
    return ModelCard(family, COCO, InputCard(
        size=(640, 640), color='rgb', scale=1, letterbox='center', pad=114))


def _depth(family: str, size: int, output: OutputCard) -> ModelCard:
    return ModelCard(family, (), InputCard(
        size=(size, size), color='rgb', scale=1, mean=_MEAN, std=_STD, letterbox='stretch'),
        output)


_DETR = ModelCard('rtdetr', COCO, InputCard(
    size=(640, 640), color='rgb', scale=1, letterbox='stretch'))
_RELATIVE, _METRES = OutputCard(kind='relative'), OutputCard(kind='metric', unit='m')


def _yolox_asset(name: str, sha256: str, size: int) -> Asset:
    release = f'{_GITHUB}/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0'
    return Asset(f'{release}/{name}.onnx', sha256, size, _SEVERAL)


def _hub_asset(
        repository: str, revision: str, sha256: str, size: int, vouched: str = _SEVERAL) -> Asset:
    return Asset(
        f'{_HUB}/onnx-community/{repository}/resolve/{revision}/onnx/model.onnx', sha256, size,
        vouched)


_YOLOX_PAGE = f'{_GITHUB}/Megvii-BaseDetection/YOLOX/tree/0.1.1rc0'
_DFINE_PAGE = f'{_GITHUB}/Peterande/D-FINE'
_DA_PAGE = f'{_GITHUB}/DepthAnything/Depth-Anything-V2'

_ROWS = (
    ZooModel(
        'yolox_nano', 'YOLOX-Nano, COCO, 416x416', DETECTION, 'Apache-2.0', _YOLOX_PAGE,
        _yolox(416), _yolox_asset(
            'yolox_nano',
            'c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d', 3_659_407)),
    ZooModel(
        'yolox_tiny', 'YOLOX-Tiny, COCO, 416x416', DETECTION, 'Apache-2.0', _YOLOX_PAGE,
        _yolox(416), _yolox_asset(
            'yolox_tiny',
            '427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7', 20_219_662)),
    ZooModel(
        'yolox_s', 'YOLOX-S, COCO, 640x640', DETECTION, 'Apache-2.0', _YOLOX_PAGE,
        _yolox(640), _yolox_asset(
            'yolox_s',
            'c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063', 35_858_002)),
    ZooModel(
        'dfine_n', 'D-FINE-N, COCO, 640x640, ONNX by onnx-community', DETECTION, 'Apache-2.0',
        _DFINE_PAGE, _DETR, _hub_asset(
            'dfine_n_coco-ONNX', '380d2839c327efaf65dd0fe0c2c10ab7fadd5473',
            '0f684f409618ee8a822410e754a29caa817d1aa16283ce89cad936d0a48e2f35', 15_258_358)),
    ZooModel(
        'dfine_s', 'D-FINE-S, COCO, 640x640, ONNX by onnx-community', DETECTION, 'Apache-2.0',
        _DFINE_PAGE, _DETR, _hub_asset(
            'dfine_s_coco-ONNX', 'a3cf03147a9b86c78475139115c8ac142577352d',
            'cd8a49a945feda6d28c6304ae8ae85c2759ba1d78a5a83a22c5ce8db82ef7238', 41_535_197)),
    ZooModel(
        'rtdetr_v2_r18', 'RT-DETRv2-R18, COCO, 640x640, ONNX by onnx-community', DETECTION,
        'Apache-2.0', f'{_GITHUB}/lyuwenyu/RT-DETR', _DETR, _hub_asset(
            'rtdetr_v2_r18vd-ONNX', '936f90b6a476c6da4dfe053fc521af55285976ba',
            '583a236ac21c95a7fd94f284fc21485e42355bfef82c27011ba78fbc09ee87e2', 81_057_510)),
    ZooModel(
        'depth_anything_v2_small', 'Depth Anything V2 Small, ONNX by onnx-community', DEPTH,
        'Apache-2.0', _DA_PAGE, _depth('depth_anything', 518, _RELATIVE), _hub_asset(
            'depth-anything-v2-small', '4472b7362082ad9968fee890ca0f1e5aca36b93d',
            'afb6a5c28f3b6bf1618c6e43f02073ef9dfdc70e937502d51603e57b0a1df10c', 99_060_839,
            _HOST)),
    ZooModel(
        'depth_anything_v2_small_indoor',
        'Depth Anything V2 Small, metres, indoors, ONNX by fabio-sim', DEPTH, 'Apache-2.0',
        _DA_PAGE, _depth('depth_anything', 518, _METRES), Asset(
            f'{_GITHUB}/fabio-sim/Depth-Anything-ONNX/releases/download/v2.0.0/'
            'depth_anything_v2_vits_indoor_dynamic.onnx',
            '2e25a3f332b34d885a1b3059cab471f7916a36099325810821b2d6e0471f74ad', None, _ONE)),
    ZooModel(
        'midas_small', 'MiDaS v2.1 Small, 256x256', DEPTH, 'MIT', f'{_GITHUB}/isl-org/MiDaS',
        ModelCard('midas', (), InputCard(
            size=(256, 256), color='rgb', scale=1, mean=(0, 0, 0), std=(1, 1, 1),
            letterbox='stretch'), _RELATIVE), Asset(
            f'{_GITHUB}/isl-org/MiDaS/releases/download/v2_1/model-small.onnx',
            '2d8c6cb8f415229daf1eb041024208e2608c9f98e17c81cc7c6ecb449c56fd58', 66_764_249,
            _SEVERAL),
        remark="mean and std are inside the model, as the authors' tf/make_onnx_model.py puts "
               'them there; set the ones of ImageNet if your export has them not'),
    ZooModel(
        'lite_mono', 'Lite-Mono, KITTI, 640x192', DEPTH, 'MIT', f'{_GITHUB}/noahzn/Lite-Mono',
        ModelCard('lite_mono', (), InputCard(
            size=(640, 192), color='rgb', scale=1, letterbox='stretch'),
            OutputCard(kind='disparity')),
        export='its authors publish PyTorch weights, encoder and decoder apart: export both as '
               'one ONNX graph, from an image [1, 3, 192, 640] to the disparity of scale 0, then '
               'write a card with family: lite_mono beside it'),
    ZooModel(
        'yolov8n', 'YOLOv8n, COCO, 640x640', DETECTION, 'AGPL-3.0',
        f'{_GITHUB}/ultralytics/ultralytics', _ultralytics('yolov8'), Asset(
            f'{_GITHUB}/ultralytics/assets/releases/download/v8.4.0/yolov8n.onnx',
            'b2bc52f40e8e1c532427d5bde3575a5d5b571b739fab2c6df443733ed1589cbd', 12_851_049,
            _SEVERAL)),
    ZooModel(
        'yolov10n', 'YOLOv10n, COCO, 640x640, ONNX by onnx-community', DETECTION, 'AGPL-3.0',
        f'{_GITHUB}/THU-MIG/yolov10', _ultralytics('yolo_end2end'), _hub_asset(
            'yolov10n', '57657320425ee34056408a57ad9d29c4d4815bd8',
            'a77dd863933f184a19e84361c64b788228a7c7dacc2c78939239a96ad3efca3b', 9_386_116)),
)
ZOO: Mapping[str, ZooModel] = MappingProxyType({row.name: row for row in _ROWS})


def find(name: str) -> ZooModel:
    """
    Return the row of a name.

    :raises UnknownName: there is none; says which is close.
    """
    if name in ZOO:
        return ZOO[name]
    close = difflib.get_close_matches(name, ZOO, n=1)
    guess = f" Did you mean '{close[0]}'?" if close else ''
    raise UnknownName(f"models: none is named '{name}', expected one of {', '.join(ZOO)}.{guess}")


def known_by(sha256: str) -> ZooModel | None:
    """Return the row whose file has a checksum; None where there is none."""
    rows = (row for row in ZOO.values() if row.asset is not None and row.asset.sha256 == sha256)
    return next(rows, None)
