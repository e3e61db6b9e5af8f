# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The layers hold: imports go down, vendors stay in their own file, files stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path
import sys

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = 'faster_deploy_ros'

# Folder -> layer. A module imports from its own folder and from lower layers only.
LAYERS = {
    '': 1,
    'blobs': 2, 'scenes': 2,
    'cores': 3,
    'tasks': 4, 'sources': 4,
    'pipeline': 5,
    'tools': 6, 'nodes': 6,
}
# Runtime -> the files that may import it, at their top.
VENDORS = {
    'onnxruntime': {'cores/onnxruntime_core.py'},
    'tensorrt': {
        'cores/tensorrt/api.py', 'cores/tensorrt/build.py', 'cores/tensorrt_core.py',
        'cores/tensorrt/hooks.py'},
    'pycuda': {'cores/cuda_device.py', 'cores/cuda_memory.py'},
    'ncnn': {'cores/ncnn_core.py'},
    'rknnlite': {'cores/rknn_core.py'},
    'rknn': {'tools/convert/rknn_toolkit.py'},   # a program of another Python
    'MNN': {'cores/mnn_core.py'},
    'openvino': {'cores/openvino_core.py'},
    'tritonclient': {
        'cores/triton/link.py', 'cores/triton/model.py', 'cores/triton/seat.py'},
    'grpc': {'cores/triton/link.py'},
}
ROS = {'rclpy', 'cv_bridge', 'launch', 'launch_ros', 'ament_index_python', 'rosidl_runtime_py'}
# Folder -> what it knows nothing about.
STRANGERS = {
    '': {'cv2'},
    'blobs': {'cv2'},                             # tensors, never an image
    'cores': {'cv2'},
    'tasks': {'concurrent', 'asyncio', 'multiprocessing', 'queue'},      # and see THREADS
    'pipeline': {'numpy', 'cv2'},                 # callables, never a tensor
}
# What a model means is said without threads, though it may keep memory for each of its callers'.
THREADLESS = {'blobs', 'tasks', 'scenes'}
THREADS = {'Thread', 'Timer', 'ThreadPoolExecutor'}
FORBIDDEN_NAMES = {'util', 'utils', 'common', 'helper', 'helpers', 'manager', 'misc'}
MAX_FILE_LINES = 330
MAX_FUNCTION_LINES = 50


def python_files(*folders: str) -> list[Path]:
    return sorted(
        path for folder in folders for path in (CHECKOUT / folder).rglob('*.py'))


def imports(tree: ast.AST, package: str) -> Iterator[tuple[str, int, bool]]:
    """Yield each imported module with its line and whether the import is at the file's top."""
    top = set(map(id, getattr(tree, 'body', ())))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in top
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ''
            if node.level:
                parents = package.split('.')[:len(package.split('.')) - node.level + 1]
                module = '.'.join([*parents, *filter(None, [module])])
            # `from faster_deploy_ros import nodes` imports the folder `nodes`.
            names = [alias.name for alias in node.names] if module == PACKAGE else ['']
            for name in names:
                yield f'{module}.{name}'.rstrip('.'), node.lineno, id(node) in top


def folder_of(module: str) -> str:
    """Return the layer's folder of a module of ours; '' for the files on the ground floor."""
    part = [*module.split('.'), ''][1]
    return part if part in LAYERS else ''


def violations(relative: str, source: str) -> list[str]:
    """Say what a file of the package does that its place does not allow."""
    folder = relative.partition('/')[0] if '/' in relative else ''
    if folder not in LAYERS:
        return [f'{relative}: the folder {folder}/ is in no layer']
    package = '.'.join([PACKAGE, *relative.split('/')[:-1]])
    tree = ast.parse(source)
    found = [
        f'{relative}: {folder} starts no thread' for node in ast.walk(tree)
        if folder in THREADLESS and isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) in THREADS]
    for module, line, at_top in imports(tree, package):
        name = module.partition('.')[0]
        where = f'{relative}:{line}'
        if name == PACKAGE:
            other = folder_of(module)
            if other != folder and LAYERS[other] >= LAYERS[folder]:
                found.append(f'{where}: {folder or "the ground floor"} imports {other} upwards')
        elif name in VENDORS and relative not in VENDORS[name]:
            found.append(f'{where}: {name} belongs to {", ".join(VENDORS[name])} alone')
        elif name in VENDORS and not at_top:
            found.append(f'{where}: {name} is imported at the top of its file or not at all')
        elif folder != 'nodes' and (name in ROS or name.endswith(('_msgs', '_srvs'))):
            found.append(f'{where}: {name} is ROS, which only nodes/ knows')
        elif name in STRANGERS.get(folder, ()):
            found.append(f'{where}: {folder or "the ground floor"} knows nothing of {name}')
    return found


def test_every_module_stays_on_its_floor() -> None:
    files = python_files(PACKAGE)
    assert len(files) > 50
    found = [
        violation for path in files for violation in violations(
            path.relative_to(CHECKOUT / PACKAGE).as_posix(), path.read_text())]
    assert not found, '\n'.join(found)


@pytest.mark.parametrize(('relative', 'source', 'complaint'), [
    ('cores/base.py', 'from faster_deploy_ros.tasks import base', 'upwards'),
    ('cores/base.py', 'from faster_deploy_ros import nodes', 'upwards'),
    ('cores/base.py', 'from ..tasks.base import Model', 'upwards'),
    ('cores/base.py', 'def f():\n    import faster_deploy_ros.pipeline', 'upwards'),
    ('tasks/base.py', 'import faster_deploy_ros.sources.shot', 'upwards'),
    ('tools/demo/cli.py', 'from faster_deploy_ros.nodes.spin import spin', 'upwards'),
    ('frame.py', 'from faster_deploy_ros.blobs import Blob', 'upwards'),
    ('cores/ncnn_core.py', 'import onnxruntime', 'alone'),
    ('tasks/base.py', 'from tensorrt import Runtime', 'alone'),
    ('cores/ncnn_core.py', 'def load():\n    import ncnn', 'at the top'),
    ('cores/ncnn_core.py', 'try:\n    import ncnn\nexcept ImportError:\n    pass', 'at the top'),
    ('tools/demo/cli.py', 'import rclpy.node', 'only nodes'),
    ('pipeline/stages.py', 'from sensor_msgs.msg import Image', 'only nodes'),
    ('pipeline/ordered.py', 'import numpy as np', 'knows nothing'),
    ('cores/base.py', 'import cv2', 'knows nothing'),
    ('tasks/base.py', 'from concurrent.futures import Future', 'knows nothing'),
    ('tasks/base.py', 'import threading\nthreading.Thread()', 'no thread'),
    ('utils/text.py', '', 'no layer'),
])
def test_a_module_off_its_floor_is_named(relative: str, source: str, complaint: str) -> None:
    found = violations(relative, source)
    assert len(found) == 1
    assert relative in found[0]
    assert complaint in found[0]


@pytest.mark.parametrize(('relative', 'source'), [
    ('cores/base.py', 'from faster_deploy_ros.blobs import Blob'),
    ('cores/base.py', 'from .uri import ModelUri'),
    ('cores/base.py', 'from faster_deploy_ros import __version__'),
    ('cores/ncnn_core.py', 'import ncnn'),
    ('nodes/convert.py', 'from vision_msgs.msg import Detection2D\nimport rclpy'),
    ('frame.py', 'from faster_deploy_ros.errors import Closed'),
])
def test_a_module_on_its_floor_is_left_alone(relative: str, source: str) -> None:
    assert violations(relative, source) == []


def test_no_file_is_a_drawer_for_odds_and_ends() -> None:
    named = [
        str(path.relative_to(CHECKOUT))
        for path in python_files(PACKAGE, 'test', 'benchmark', 'examples', 'launch')
        if FORBIDDEN_NAMES & {*path.relative_to(CHECKOUT).with_suffix('').parts,
                              *path.stem.split('_')}]
    assert not named, f'{named}: a file is called after the one thing in it'


def test_every_decision_is_in_the_list_under_its_own_title() -> None:
    folder = CHECKOUT / 'docs' / 'adr'
    pages = sorted(folder.glob('0*.md'))
    assert len(pages) > 10
    rows = []
    for page in pages:
        number, _, title = page.read_text().splitlines()[0].removeprefix('# ').partition(' · ')
        assert page.name.startswith(f'{int(number):04}-')
        rows.append(f'| {number} | [{title}]({page.name}) |')
    listed = (folder / 'README.md').read_text().splitlines()
    assert [line for line in listed if '.md)' in line] == rows


def test_files_stay_short_enough_to_read_in_one_go() -> None:
    long = {
        str(path.relative_to(CHECKOUT)): lines
        for path in python_files(PACKAGE, 'test', 'benchmark', 'examples', 'launch')
        if (lines := len(path.read_text().splitlines())) > MAX_FILE_LINES}
    assert not long, f'over {MAX_FILE_LINES} lines: {long}'


def test_functions_stay_short_enough_to_see_at_once() -> None:
    long = [
        f'{path.relative_to(CHECKOUT)}:{node.lineno} {node.name}'
        for path in python_files(PACKAGE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES]
    assert not long, f'over {MAX_FUNCTION_LINES} lines: {long}'


def test_a_test_file_has_a_name_of_its_own() -> None:
    seen: dict[str, Path] = {}
    for path in python_files('test'):
        if path.stem == 'conftest':
            continue
        assert path.stem not in seen, f'{path} and {seen[path.stem]} share a module name'
        assert path.stem not in sys.stdlib_module_names, f'{path} shadows the standard library'
        seen[path.stem] = path
