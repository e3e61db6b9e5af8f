# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The ament_python package: code, shipped files, commands, extension points."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'faster_deploy_ros'
HERE = Path(__file__).resolve().parent


def shipped(folder):
    """Return the files of a folder for its place below share/, relative to this page."""
    return [
        str(path.relative_to(HERE)) for path in sorted((HERE / folder).iterdir())
        if path.is_file() and path.suffix != '.pyc' and not path.name.startswith('.')]


setup(
    name=PACKAGE,
    version='0.1.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        *((f'share/{PACKAGE}/{folder}', shipped(folder))
          for folder in ('launch', 'config', 'models')),
    ],
    python_requires='>=3.10',
    # ROS packages come from rosdep (package.xml); these are the ones that pip knows as well.
    install_requires=['setuptools', 'numpy>=1.23', 'PyYAML'],
    # A runtime is the robot's choice; so is who brings OpenCV, apt or pip.
    extras_require={
        'mnn': ['MNN'],
        'ncnn': ['ncnn>=1.0.20261020'],   # older ones hold the GIL
        'onnxruntime': ['onnxruntime'],
        'openvino': ['openvino>=2026.4'],
        'openvino-int8': ['nncf'],
        # On a robot these come from its vendor: rknn-toolkit-lite2 (aarch64), TensorRT of JetPack.
        'rknn': ['rknn-toolkit-lite2'],
        'rknn-convert': ['rknn-toolkit2'],
        'tensorrt': ['tensorrt', 'pycuda'],
        'triton': ['tritonclient[grpc]', 'grpcio'],
        'opencv': ['opencv-python-headless>=4.5'],
        'demo': ['matplotlib', 'tqdm', 'rosbags'],
        'evaluate': ['matplotlib', 'pycocotools', 'tabulate'],
        'tools': ['onnx', 'tabulate'],
        'test': ['hypothesis', 'onnx', 'psutil', 'pycocotools', 'pytest', 'pytest-timeout'],
    },
    entry_points={
        'console_scripts': [
            f'camera_node = {PACKAGE}.nodes.camera_node:main',
            f'demo = {PACKAGE}.tools.demo:main',
            f'depth_node = {PACKAGE}.nodes.depth_node:main',
            f'detection_node = {PACKAGE}.nodes.detection_node:main',
            f'faster-deploy = {PACKAGE}.tools.cli:main',
            f'recorder_node = {PACKAGE}.nodes.recorder_node:main',
        ],
    },
    zip_safe=True,
    maintainer='faster_deploy_ros maintainers',
    maintainer_email='maintainers@users.noreply.github.com',
    description='Camera topics become detections and depth maps: ordered, accounted for, fast.',
    license='Apache-2.0',
)
