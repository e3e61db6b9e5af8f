# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Become a Triton server on the loopback with a few small models, in the environment of the wheel.

``scripts/side_venv triton`` makes that environment and prints its Python;
``<that python> test/cores/serve_triton.py --folder /tmp/served --port 8001`` serves until SIGTERM.
"""

import argparse
from contextlib import suppress
import ctypes
import importlib.util
import os
from pathlib import Path
import select
import shutil
import signal
import sys
import sysconfig

PR_SET_PDEATHSIG = 1
CANNOT = 77   # the exit status where this Python is none that the server can use
IMAGE = (1, 3, 4, 5)
# Name -> behaviour (a method in triton_model.py), inputs, outputs, and what else its row says.
MODELS = {
    'identity': ('identity', {'x': IMAGE}, {'y': IMAGE}, {
        'said': {'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}}),
    'dynamic_identity': ('identity', {'x': (-1, 3, -1, -1)}, {'y': (-1, 3, -1, -1)}, {}),
    'batched': ('identity', {'x': IMAGE[1:]}, {'y': IMAGE[1:]}, {'max_batch_size': 4}),
    'versions': ('number_of_version', {'x': (4,)}, {'y': (4,)}, {'versions': (1, 3)}),
    'two_inputs': (
        'both', {'left': (2, 3), 'right': (2, 3)}, {'total': (2, 3), 'product': (2, 3)}, {}),
    'failing': ('fail_on_100', {'x': IMAGE}, {'y': IMAGE}, {}),
    'slow': ('sleep', {'x': (1,)}, {'y': (1,)}, {'instances': 2}),
    'liar': ('lie', {'x': IMAGE}, {'y': IMAGE}, {}),
    'nonzero': ('nonzero', {'x': (8,)}, {'y': (1, -1)}, {'output_type': 'TYPE_INT64'}),
    'words': ('identity', {'x': (2,)}, {'y': (2,)}, {
        'input_type': 'TYPE_STRING', 'output_type': 'TYPE_STRING'}),
}


def config(behaviour, inputs, outputs, row):
    """Return the text of a ``config.pbtxt``."""
    def tensors(word, shapes, kind):
        return [
            f'{word} [ {{ name: "{name}" data_type: {kind} dims: {list(shape)} }} ]'
            for name, shape in shapes.items()]

    said = {'behaviour': behaviour, **row.get('said', {})}
    return '\n'.join([
        'backend: "python"',
        f'max_batch_size: {row.get("max_batch_size", 0)}',
        *tensors('input', inputs, row.get('input_type', 'TYPE_FP32')),
        *tensors('output', outputs, row.get('output_type', 'TYPE_FP32')),
        f'instance_group [ {{ kind: KIND_CPU count: {row.get("instances", 1)} }} ]',
        'version_policy: { all: {} }',
        *(f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'
          for key, value in said.items())])


def write_models(folder, models):
    """Write a model repository."""
    code = Path(__file__).with_name('triton_model.py')
    for name, (behaviour, inputs, outputs, row) in models.items():
        for version in row.get('versions', (1,)):
            (folder / name / str(version)).mkdir(parents=True)
            shutil.copy(code, folder / name / str(version) / 'model.py')
        (folder / name / 'config.pbtxt').write_text(config(behaviour, inputs, outputs, row))


def find_libraries(wheel):
    """Return where the server's libraries are, and the Python's, which its stubs load."""
    folder = Path(sysconfig.get_config_var('LIBDIR'))
    library = f'libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0'
    if not (folder / library).exists():
        try:
            ctypes.CDLL(library)
        except OSError:
            print(f'no {library}: this Python was built without a shared library', flush=True)
            sys.exit(CANNOT)
    return f"{folder}:{wheel.parent / 'nvidia_pytriton.libs'}"


def write_backend(wheel, folder):
    """Lay the python backend out as the server wants it, with the stub of this Python."""
    shutil.copytree(wheel / 'tritonserver' / 'backends', folder)
    version = f'{sys.version_info.major}.{sys.version_info.minor}'
    stub = 'triton_python_backend_stub'
    shutil.copy(
        wheel / 'tritonserver' / 'python_backend_stubs' / version / stub, folder / 'python')


def watch(prefix):
    """
    Leave a process behind that ends what outlives the server, and its shared memory.

    A server that is killed, or stopped while it loads, leaves stubs that wait for it for ever.
    """
    server = os.pidfd_open(os.getpid())
    if os.fork():
        os.close(server)
        return
    os.setsid()
    select.select([server], [], [])
    for command in Path('/proc').glob('[0-9]*/cmdline'):
        with suppress(OSError):
            if prefix.encode() in command.read_bytes():
                os.kill(int(command.parent.name), signal.SIGKILL)
    for left in Path('/dev/shm').glob(f'{prefix}*'):
        left.unlink(missing_ok=True)
    os._exit(0)


def main():
    """Write all that the server reads, and become the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--folder', type=Path, required=True, help='for its files; made anew')
    parser.add_argument('--port', type=int, required=True, help='of gRPC on the loopback')
    parser.add_argument('--detector', type=Path, help='an ONNX file to serve as yolox_nano')
    parser.add_argument('--only', nargs='*', choices=[*MODELS], help='of the models')
    parser.add_argument('--token', help='what the shared-memory protocol asks for')
    parser.add_argument('--with-parent', action='store_true', help='end when the parent ends')
    arguments = parser.parse_args()
    if arguments.with_parent:
        # Kept across exec: however the tests end, the server ends too, and its stubs with it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    models = {name: MODELS[name] for name in arguments.only or MODELS}
    if arguments.detector is not None:
        models['yolox_nano'] = (
            'detect', {'images': (1, 3, 416, 416)}, {'output': (1, 3549, 85)},
            {'said': {'file': str(arguments.detector), 'family': 'yolox'}, 'instances': 2})
    shutil.rmtree(arguments.folder, ignore_errors=True)
    wheel = Path(importlib.util.find_spec('pytriton').origin).parent
    write_models(arguments.folder / 'models', models)
    write_backend(wheel, arguments.folder / 'backends')
    server = wheel / 'tritonserver' / 'bin' / 'tritonserver'
    prefix = f'fd_test_triton_{os.getpid()}_'
    command = [
        'tritonserver', f'--model-repository={arguments.folder / "models"}',
        f'--backend-directory={arguments.folder / "backends"}', '--grpc-address=127.0.0.1',
        f'--grpc-port={arguments.port}', '--allow-http=false', '--allow-metrics=false',
        '--model-control-mode=explicit', '--load-model=*', '--exit-timeout-secs=5',
        '--backend-config=python,shm-default-byte-size=1048576',
        f'--backend-config=python,shm-region-prefix-name={prefix}']
    if arguments.token:
        command.append(
            f'--grpc-restricted-protocol=shared-memory:triton-access-token={arguments.token}')
    environment = {
        'LD_LIBRARY_PATH': find_libraries(wheel), 'HOME': str(arguments.folder),
        'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    watch(prefix)
    os.execve(server, command, environment)


if __name__ == '__main__':
    main()
