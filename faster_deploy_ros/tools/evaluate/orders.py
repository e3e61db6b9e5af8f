# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the command is asked to do, read from its words and checked."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.sources.scene import VGA
from faster_deploy_ros.tools.card_words import CardWords, read_card_arguments
from faster_deploy_ros.tools.evaluate.samples import SCENE, SCENE_FRAMES, SCENE_SEED
from faster_deploy_ros.tools.whole_file import check_place

MOST_SEATS = 64
LARGEST = 8192   # pixels of a side of a room: rendering one takes a gigabyte then


@dataclass(frozen=True, slots=True)
class Pictures:
    """
    Where pictures come from.

    :param folder: of images, or one image; None: rendered rooms.
    :param limit: images of a folder at most; None: all.
    :param frames: of the rooms.
    :param seed: of the first room.
    :param size: (width, height) of the rooms' pictures.
    """

    folder: Path | None
    limit: int | None = None
    frames: int = SCENE_FRAMES
    seed: int = SCENE_SEED
    size: tuple[int, int] = VGA


@dataclass(frozen=True, slots=True)
class Orders:
    """
    What both tasks are asked.

    :param model: URI or file.
    :param card: what was said about the model.
    :param results: file for what was found; None: no such file.
    :param plots: folder for pictures; None: no pictures.
    :param seats: images in flight at once.
    """

    model: str
    card: CardWords
    pictures: Pictures
    results: Path | None
    plots: Path | None
    seats: int


def read_orders(chosen: Namespace) -> Orders:
    """
    Check the words that both tasks share.

    :raises BadValue: a number out of range, words that exclude each other, a place that is not
        there.
    """
    _check(chosen)
    results: Path | None = chosen.results
    check_place(results, '--results')
    if chosen.plots is not None and chosen.plots.exists() and not chosen.plots.is_dir():
        raise BadValue(f"--plots: '{chosen.plots}' is a file, expected a folder")
    return Orders(
        chosen.model, read_card_arguments(chosen), _pictures(chosen), results, chosen.plots,
        chosen.seats)


def _check(chosen: Namespace) -> None:
    for name in ('seats', 'limit', 'frames'):
        value = getattr(chosen, name)
        if value is not None and value < 1:
            raise BadValue(f'got --{name} {value}, expected 1 or more')
    if chosen.seats > MOST_SEATS:
        raise BadValue(f'got --seats {chosen.seats}, expected {MOST_SEATS} at most')
    if chosen.size is not None and max(chosen.size) > LARGEST:
        raise BadValue(
            f'got --size {chosen.size[0]}x{chosen.size[1]}, expected sides of {LARGEST} at most')
    depth_words = [
        f"--{name.replace('_', '-')}" for name in (
            'truth', 'truth_scale', 'truth_disparity', 'min_depth', 'max_depth')
        if getattr(chosen, name) is not None]
    if depth_words and not chosen.depth:
        raise BadValue(f'{depth_words[0]} is about depth; add --depth')
    if chosen.depth and chosen.per_class:
        raise BadValue('--per-class is about boxes; leave it out with --depth')
    if chosen.depth and chosen.dataset is not None:
        raise BadValue('--dataset is of labelled boxes; with --depth give --images and --truth')


def _pictures(chosen: Namespace) -> Pictures:
    rendered = SCENE in ((chosen.images,) if chosen.depth else (chosen.dataset, chosen.images))
    if rendered:
        if chosen.limit is not None:
            raise BadValue('--limit is of the images of a folder; say --frames of a scene')
        if not chosen.depth and chosen.dataset not in (None, SCENE):
            raise BadValue('--images scene brings its own truth; leave --dataset out')
        if not chosen.depth and chosen.images not in (None, SCENE):
            raise BadValue('--dataset scene brings its own images; leave --images out')
        return Pictures(
            None, None, chosen.frames or SCENE_FRAMES,
            SCENE_SEED if chosen.seed is None else chosen.seed, chosen.size or VGA)
    for name in ('frames', 'seed', 'size'):
        if getattr(chosen, name) is not None:
            raise BadValue(f'--{name} is of rendered rooms; for a folder there is --limit')
    if chosen.images is None:
        raise BadValue('--images: expected the folder of the images, or scene')
    return Pictures(Path(chosen.images), chosen.limit)
