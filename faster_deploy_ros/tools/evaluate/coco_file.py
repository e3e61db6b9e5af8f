# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Labelled images as COCO's annotation files have them, and files of results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
import json
import math
from pathlib import Path
from typing import Any, TypeGuard

from faster_deploy_ros.errors import BadFrame, BadValue, Unavailable
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.scenes import LABELS, Scene
from faster_deploy_ros.sources import Box
from faster_deploy_ros.tools.average_precision import annotations_of, Record
from faster_deploy_ros.tools.evaluate.samples import read_picture, Sample, scene_samples
from faster_deploy_ros.tools.whole_file import write_whole

Truth = list[Record]


@dataclass(frozen=True, slots=True)
class Labelled:
    """
    A data set of boxes.

    :param categories: name -> id.
    :param samples: the images that are here, with their annotations.
    :param notes: what a reader of the figures should know of the data.
    """

    title: str
    categories: Mapping[str, int]
    samples: Sequence[Sample[Truth]]
    notes: tuple[str, ...] = ()


def labelled_scenes(frames: int, seed: int, size: tuple[int, int]) -> Labelled:
    """Return rendered rooms and the solids that are in them."""
    categories = {label: number for number, label in enumerate(LABELS, start=1)}

    def truth_of(scene: Scene) -> Truth:
        boxes = [
            *(Box(LABELS[kind], tuple(xyxy)) for kind, xyxy in zip(
                scene.class_id, scene.boxes.tolist())),
            *(Box('', tuple(xyxy), judged=False) for xyxy in scene.ignored.tolist())]
        return annotations_of(0, boxes, categories)

    return Labelled(
        f'{frames} pictures of rendered rooms from seed {seed}', categories,
        scene_samples(frames, seed, size, truth_of))


def read_labelled(path: Path, folder: Path, limit: int | None = None) -> Labelled:
    """
    Read an annotation file of COCO's format (https://cocodataset.org/#format-data).

    Images of the file that are not in the folder are left out, and a note says so.

    :param folder: of the images, by their ``file_name``, or the last part of it.
    :param limit: take the first so many of the images that are there.
    :raises Unavailable: there is no such file or folder.
    :raises BadValue: the file is not of that format, or none of its images is in the folder.
    """
    page = _Page(path)
    if not folder.is_dir():
        raise Unavailable(f"--images: there is no folder '{folder}'")
    images = page.images()
    found = [(image, place) for image in images
             if (place := _place(folder, image['file_name'])) is not None]
    if not found:
        some = ', '.join(image['file_name'] for image in images[:2])
        raise BadValue(
            f"--images: none of the {len(images)} images of '{path}' is in '{folder}', expected "
            f'{some}, ...; give the folder that holds them')
    notes = []
    if len(found) < len(images):
        notes.append(
            f"{len(images) - len(found)} of the {len(images)} images of '{path.name}' are not in "
            f"'{folder}' and are left out, {_absent(images, found)} for one")
    truths = page.annotations()
    samples = [
        Sample(image['id'], image['file_name'],
               partial(_load, place, image, truths.get(image['id'], [])))
        for image, place in found[:limit]]
    return Labelled(
        f"{len(samples)} images of '{path.name}'", page.categories(), samples, tuple(notes))


def write_results(path: Path, results: Sequence[Record]) -> None:
    """
    Write COCO's format of results, which pycocotools and COCO's server load.

    :raises BadValue: the file cannot be written.
    """
    write_whole(path, '[' + ',\n '.join(map(json.dumps, results)) + ']\n', '--results')


class _Page:
    """The content of an annotation file, checked as it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise Unavailable(f"--dataset: there is no file '{path}'") from error
        except OSError as error:
            raise Unavailable(f"--dataset: '{path}': {error.strerror}") from error
        except (ValueError, RecursionError) as error:   # not JSON, not UTF-8
            raise BadValue(
                f"--dataset: '{path}' is not JSON ({error}); is the file whole?") from error
        if not isinstance(content, dict):
            raise self._bad(f'its content is a {type(content).__name__}')
        self._content: dict[str, Any] = content

    def images(self) -> list[Record]:
        """Return those with an id and a file name, each once."""
        images = self._list('images')
        for image in images:
            if not _is_id(image.get('id')) or not isinstance(image.get('file_name'), str):
                raise self._bad(f'an image is {_brief(image)}', 'id and file_name of each')
        if len({image['id'] for image in images}) < len(images):
            raise self._bad('two images have the same id')
        if not images:
            raise self._bad('there is no image in it')
        return images

    def annotations(self) -> Mapping[int, Truth]:
        """Return the annotations by image, with what COCO lets be left out."""
        known = set(self.categories().values())
        by_image: dict[int, Truth] = {}
        for one in self._list('annotations'):
            box = one.get('bbox')
            if not _is_box(box):
                raise self._bad(f'an annotation is {_brief(one)}', 'bbox: [x, y, width, height]')
            kind, image = one.get('category_id'), one.get('image_id')
            if not _is_id(kind) or kind not in known:
                raise self._bad(
                    f'an annotation has the category_id {_brief(kind)}', 'one of the categories')
            if not _is_id(image):
                raise self._bad(f'an annotation has the image_id {_brief(image)}', 'a number')
            area = one.get('area')
            by_image.setdefault(image, []).append({
                'category_id': kind, 'bbox': box,
                'area': area if _is_number(area) else box[2] * box[3],
                'iscrowd': int(bool(one.get('iscrowd')))})
        return by_image

    def categories(self) -> Mapping[str, int]:
        """Return the ids by name."""
        categories = self._list('categories')
        for one in categories:
            if not _is_id(one.get('id')) or not isinstance(one.get('name'), str):
                raise self._bad(f'a category is {_brief(one)}', 'id and name of each')
        ids = {one['name']: one['id'] for one in categories}
        if len(ids) < len(categories) or len(set(ids.values())) < len(categories):
            raise self._bad('two categories have the same id or name')
        return ids

    def _list(self, key: str) -> list[Record]:
        records = self._content.get(key)
        if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
            raise self._bad(f'{key} is {_brief(records)}')
        return records

    def _bad(self, found: str, expected: str = 'lists of images, annotations and categories'
             ) -> BadValue:
        return BadValue(
            f"--dataset: '{self._path}' is no annotation file of COCO's format: {found}, "
            f'expected {expected}')


def _is_box(box: object) -> TypeGuard[list[float]]:
    return isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < math.inf   # of 400 digits too


def _is_id(value: object) -> TypeGuard[int]:
    """Whether a value is a number that the tables of pycocotools take."""
    return type(value) is int and abs(value) < 1 << 53


def _brief(value: object) -> str:
    text = repr(value)
    return f'{text[:60]}...' if len(text) > 60 else text


def _place(folder: Path, name: str) -> Path | None:
    for place in (folder / name, folder / Path(name).name):
        try:
            if place.is_file():
                return place
        except OSError:   # no file has so long a name
            continue
    return None


def _absent(images: Sequence[Record], found: Sequence[tuple[Record, Path]]) -> str:
    there = {image['id'] for image, _ in found}
    name: str = next(image['file_name'] for image in images if image['id'] not in there)
    return name


def _load(path: Path, image: Record, truth: Truth) -> tuple[Frame, Truth]:
    picture = read_picture(path)
    height, width = picture.shape[:2]
    told = image.get('width', width), image.get('height', height)
    if told != (width, height):
        raise BadFrame(
            f"image '{path}': it has {width}x{height} pixels, expected {told[0]}x{told[1]} as the "
            'annotation file says; its boxes are of another picture')
    return Frame(0, 'camera', picture), truth
