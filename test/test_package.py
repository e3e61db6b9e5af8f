# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The package says of itself what is true: dependencies, shipped files, commands, version."""

import ast
import importlib
from pathlib import Path
import re
import runpy
import sys
from typing import Any
import xml.etree.ElementTree as ET

import faster_deploy_ros
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = 'faster_deploy_ros'
# Modules whose rosdep key is another name.
KEYS = {'cv2': 'python3-opencv', 'numpy': 'python3-numpy', 'yaml': 'python3-yaml'}
# Modules whose pip name is another one.
PIP_NAMES = {
    'cv2': 'opencv-python-headless', 'grpc': 'grpcio', 'rknn': 'rknn-toolkit2',
    'rknnlite': 'rknn-toolkit-lite2', 'yaml': 'PyYAML'}
# What other nodes speak to ours in, though our code never names it.
SPOKEN = {'lifecycle_msgs'}
SHIPPED_FOLDERS = ('launch', 'config', 'models')


@pytest.fixture(scope='module')
def package_xml() -> ET.Element:
    return ET.parse(CHECKOUT / 'package.xml').getroot()


@pytest.fixture(scope='module')
def declared(package_xml: ET.Element) -> set[str]:
    """Return everything the package needs at run time, by rosdep key."""
    return {
        element.text or '' for element in package_xml
        if element.tag in ('depend', 'exec_depend')}


@pytest.fixture
def setup_arguments(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what setup.py hands to setuptools."""
    arguments: dict[str, Any] = {}
    setuptools = pytest.importorskip('setuptools')
    monkeypatch.setattr(setuptools, 'setup', lambda **given: arguments.update(given))
    monkeypatch.chdir(CHECKOUT)
    runpy.run_path(str(CHECKOUT / 'setup.py'))
    return arguments


def foreign_imports(*folders: str) -> dict[str, str]:
    """Return the modules that are neither ours nor Python's, each with a file that uses it."""
    found = {}
    for path in sorted(path for folder in folders for path in (CHECKOUT / folder).rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or '']
            for name in (name.partition('.')[0] for name in names):
                if name != PACKAGE and name not in sys.stdlib_module_names:
                    found[name] = str(path.relative_to(CHECKOUT))
    return found


def test_package_xml_is_of_format_3_and_complete(package_xml: ET.Element) -> None:
    assert package_xml.get('format') == '3'
    for tag in ('name', 'version', 'description', 'maintainer', 'license'):
        element = package_xml.find(tag)
        assert element is not None, f'package.xml has no <{tag}>'
        assert (element.text or '').strip()
    assert package_xml.findtext('export/build_type') == 'ament_python'


def test_catkin_reads_package_xml_without_a_complaint() -> None:
    package = pytest.importorskip('catkin_pkg.package')
    complaints: list[str] = []
    read = package.parse_package(str(CHECKOUT / 'package.xml'), warnings=complaints)
    assert complaints == []
    assert read.name == PACKAGE


def test_every_ros_package_that_the_nodes_import_is_declared(declared: set[str]) -> None:
    missing = {
        name: path for name, path in foreign_imports(f'{PACKAGE}/nodes', 'launch').items()
        if KEYS.get(name, name) not in declared}
    assert not missing, f'imported, but not in package.xml: {missing}'


def test_every_other_import_is_declared_or_an_extra(
        declared: set[str], setup_arguments: dict[str, Any]) -> None:
    extras = {
        re.split(r'[^\w.-]', wanted, maxsplit=1)[0]
        for group in setup_arguments['extras_require'].values() for wanted in group}
    missing = {
        name: path for name, path in foreign_imports(PACKAGE).items()
        if KEYS.get(name, name) not in declared and PIP_NAMES.get(name, name) not in extras}
    assert not missing, f'imported, but neither in package.xml nor an extra: {missing}'


def test_nothing_is_declared_that_nothing_uses(declared: set[str]) -> None:
    modules = {key: module for module, key in KEYS.items()}
    text = '\n'.join(
        path.read_text() for folder in (PACKAGE, 'launch')
        for path in (CHECKOUT / folder).rglob('*.py'))
    unused = {key for key in declared - SPOKEN
              if not re.search(rf'import.*\b{modules.get(key, key)}\b'
                               rf'|from {modules.get(key, key)}\b', text)}
    assert not unused, f'declared in package.xml without a use: {unused}'


def test_every_file_in_a_shipped_folder_is_installed(setup_arguments: dict[str, Any]) -> None:
    installed = {
        f'{place}/{Path(file).name}'
        for place, files in setup_arguments['data_files'] for file in files}
    for folder in SHIPPED_FOLDERS:
        files = [path for path in (CHECKOUT / folder).rglob('*')
                 if path.is_file() and '__pycache__' not in path.parts]
        assert files, f'{folder}/ is empty'
        for path in files:
            relative = path.relative_to(CHECKOUT).as_posix()
            assert f'share/{PACKAGE}/{relative}' in installed, f'{relative} is left out'
    assert f'share/{PACKAGE}/package.xml' in installed
    assert f'share/ament_index/resource_index/packages/{PACKAGE}' in installed


def test_installed_files_are_named_relative_to_setup_py(setup_arguments: dict[str, Any]) -> None:
    for _, files in setup_arguments['data_files']:
        for file in files:
            assert not Path(file).is_absolute(), f'colcon cannot install {file}'
            assert (CHECKOUT / file).is_file()


def test_every_package_folder_is_found_by_setup_py(setup_arguments: dict[str, Any]) -> None:
    folders = {
        '.'.join(path.parent.relative_to(CHECKOUT).parts)
        for path in (CHECKOUT / PACKAGE).rglob('*.py')}
    left_out = folders - set(setup_arguments['packages'])
    assert not left_out, f'without an __init__.py, so not installed: {sorted(left_out)}'


def test_every_command_leads_to_a_function(setup_arguments: dict[str, Any]) -> None:
    commands = setup_arguments['entry_points']['console_scripts']
    assert len(commands) >= 4
    for command in commands:
        name, _, target = command.partition(' = ')
        module, _, function = target.partition(':')
        base = CHECKOUT.joinpath(*module.split('.'))
        path = next((place for place in (base.with_suffix('.py'), base / '__init__.py')
                     if place.is_file()), None)
        assert path is not None, f'{name}: there is no module {module}'
        if '.nodes.' in module:
            pytest.importorskip('rclpy')
        assert callable(getattr(importlib.import_module(module), function)), name


def test_the_version_is_the_same_everywhere(
        package_xml: ET.Element, setup_arguments: dict[str, Any]) -> None:
    version = faster_deploy_ros.__version__
    assert package_xml.findtext('version') == version
    assert setup_arguments['version'] == version
    changes = (CHECKOUT / 'CHANGELOG.rst').read_text()
    first = re.search(r'\n(Forthcoming|\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\))\n-+\n', changes)
    assert first, 'CHANGELOG.rst begins with Forthcoming or with a release and its date'
    assert first[1] == 'Forthcoming' or first[1].startswith(version)


def test_name_and_licence_are_the_same_in_setup_py_and_package_xml(
        package_xml: ET.Element, setup_arguments: dict[str, Any]) -> None:
    for field in ('name', 'license'):
        assert package_xml.findtext(field) == setup_arguments[field]


def test_every_requirement_is_pinned_to_one_version() -> None:
    pin = re.compile(r"[\w.-]+(\[\w+\])?==[\w.]+(; python_version [<>=]=? '3\.\d+')?(\s+# \w+)?")
    for path in (CHECKOUT / 'scripts').glob('*.txt'):
        for line in path.read_text().splitlines():
            assert not line or line.startswith('#') or pin.fullmatch(line), f'{path}: {line}'
