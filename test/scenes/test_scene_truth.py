# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a scene says about itself is what is on its picture."""

from faster_deploy_ros.scenes import LABELS, SceneRenderer
from faster_deploy_ros.scenes.renderer import FRAME_RATE, MIN_SIDE_PX, MIN_VISIBLE
from faster_deploy_ros.scenes.solids import Cone, Cube, Sphere
import numpy as np
import pytest

SEEDS = range(12)
INDICES = (0, 40, 133)


@pytest.fixture(scope='module')
def renderers():
    return [SceneRenderer(seed) for seed in SEEDS]


@pytest.fixture(scope='module')
def scenes(renderers):
    return [(renderer, index, renderer.render(index))
            for renderer in renderers for index in INDICES]


def solids(renderer, index):
    return [actor.place(index / FRAME_RATE, renderer._room.floor, renderer._camera)
            for actor in renderer._actors]


def points(scene, mask):
    """Carry the masked pixels back into space with K and the depth, in float64."""
    v, u = np.nonzero(mask)
    z = scene.depth[v, u].astype(np.float64)
    k = scene.camera_matrix
    return np.stack([(u - k[0, 2]) / k[0, 0] * z, (v - k[1, 2]) / k[1, 1] * z, z], axis=1)


def distance_to_surface(solid, p):
    """Metres from points (n, 3) to the surface of a solid, written down independently."""
    if isinstance(solid, Sphere):
        return np.abs(np.linalg.norm(p - solid.centre, axis=1) - solid.radius)
    if isinstance(solid, Cube):
        return np.abs(np.abs((p - solid.centre) @ solid.axes.T).max(axis=1) - solid.half)
    assert isinstance(solid, Cone)
    v = p - solid.apex
    down = v @ solid.axis
    out = np.linalg.norm(v - down[:, None] * solid.axis, axis=1)
    slant = np.hypot(solid.height, solid.radius)
    side = (out * solid.height - down * solid.radius) / slant
    return np.abs(np.maximum(side, down - solid.height))


def test_every_pixel_of_a_solid_lies_on_its_surface(scenes):
    seen = set()
    for renderer, index, scene in scenes:
        for number, solid in enumerate(solids(renderer, index), start=1):
            p = points(scene, scene.instances == number)
            if len(p):
                seen.add(type(solid))
                assert distance_to_surface(solid, p).max() < 0.004
    assert seen == {Sphere, Cube, Cone}


def test_every_other_pixel_lies_on_the_nearest_wall(scenes):
    for renderer, _, scene in scenes:
        room = renderer._room
        world = points(scene, scene.instances == 0) @ renderer._camera.rotation
        gaps = np.stack([room.floor - world[:, 1], room.back - world[:, 2],
                         room.side - np.abs(world[:, 0]), world[:, 1] + room.ceiling])
        assert np.abs(gaps.min(axis=0)).max() < 1e-3


def test_a_solid_hides_what_is_behind_it(scenes):
    hidden = 0
    for renderer, index, scene in scenes:
        nearest = np.full(scene.depth.shape, np.inf)
        for solid in solids(renderer, index):
            if isinstance(solid, Sphere):
                nearest = np.minimum(nearest, sphere_depth(scene, solid))
        hidden += np.count_nonzero(scene.depth < nearest - 0.01)
        assert np.all(scene.depth <= nearest + 0.01)
    assert hidden


def sphere_depth(scene, sphere):
    """Depth image of a ball alone, by the textbook quadratic in float64."""
    height, width = scene.depth.shape
    k = scene.camera_matrix
    rays = np.stack(np.broadcast_arrays(
        (np.arange(width) - k[0, 2]) / k[0, 0],
        ((np.arange(height) - k[1, 2]) / k[1, 1])[:, None], 1.0), axis=-1)
    a, b = (rays * rays).sum(-1), rays @ sphere.centre
    under = b * b - a * (sphere.centre @ sphere.centre - sphere.radius ** 2)
    # Rays that only graze the ball are left out: there a rounding decides.
    return np.where(under > 1e-4, (b - np.sqrt(np.maximum(under, 0))) / a, np.inf)


def test_boxes_are_tight_around_the_visible_pixels(scenes):
    for renderer, _, scene in scenes:
        expected = []
        for number in range(1, len(renderer._actors) + 1):
            v, u = np.nonzero(scene.instances == number)
            if len(u):
                expected.append((u.min(), v.min(), u.max() + 1, v.max() + 1))
        boxes = np.vstack([scene.boxes, scene.ignored])
        assert sorted(map(tuple, boxes.tolist())) == sorted(map(tuple, expected))


def test_only_what_can_be_seen_is_asked_for(scenes):
    judged = ignored = 0
    for _, _, scene in scenes:
        sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
        assert np.all(sides >= MIN_SIDE_PX)
        judged, ignored = judged + len(scene.boxes), ignored + len(scene.ignored)
    assert judged > 3 * ignored > 0


def test_a_solid_that_is_mostly_hidden_or_outside_is_not_asked_for():
    renderer = SceneRenderer(3)
    hidden = 0
    for index in range(0, 600, 10):
        scene = renderer.render(index)
        for number, one in enumerate(solids(renderer, index), start=1):
            outline = renderer._camera.project(one.rim(None))
            seen = np.count_nonzero(scene.instances == number)
            whole = np.prod(np.ptp(outline, axis=0))
            if seen and seen < 0.3 * MIN_VISIBLE * whole:
                v, u = np.nonzero(scene.instances == number)
                box = [u.min(), v.min(), u.max() + 1, v.max() + 1]
                assert box in scene.ignored.tolist()
                hidden += 1
    assert hidden


def test_the_picture_shows_a_solid_where_the_mask_has_it():
    renderer = SceneRenderer(5)
    scene = renderer.render(0)
    renderer._actors = []
    empty = renderer.render(0)
    change = np.abs(scene.image.astype(int) - empty.image).sum(axis=2)
    inside, outside = change[scene.instances > 0], change[scene.instances == 0]
    assert np.median(inside) > 40
    assert np.median(outside) == 0
    assert np.array_equal(scene.depth[scene.instances == 0], empty.depth[scene.instances == 0])


def test_all_classes_appear_about_equally_often(scenes):
    class_id = np.concatenate([scene.class_id for _, _, scene in scenes])
    share = np.bincount(class_id, minlength=len(LABELS)) / len(class_id)
    assert np.all(share > 0.15)
