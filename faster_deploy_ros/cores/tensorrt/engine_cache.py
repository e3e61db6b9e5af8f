# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Engines that took minutes to build, kept for the next start; knows no runtime."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
import fcntl
import hashlib
import json
import logging
import os
from pathlib import Path
import re
import tempfile
from typing import Any

from faster_deploy_ros.errors import LoadFailed

MAGIC = b'faster_deploy_ros engine 1\n'
SUFFIX = '.engine'
MAX_HEADER = 1 << 16
REBUILT = 'it is built anew'
# What makes an engine another one even though it was asked for in the same words.
ENVIRONMENT = ('tensorrt', 'device', 'capability')

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineKey:
    """
    All that an engine depends on; two equal keys mean the same engine.

    :param model_sha256: of the ONNX file and the files with its weights.
    :param tensorrt: the version that builds and runs it; a serialised engine fits no other.
    :param device: the name of the GPU.
    :param capability: its compute capability.
    :param precision: what it computes in.
    :param shapes: the ranges of its open inputs, as text.
    :param plugins: sha256 of each library with operators of the model.
    :param workspace_mb: what the build may use: with less, other kernels are chosen.
    :param tf32: whether fp32 may be multiplied with 10 bits of mantissa.
    """

    model_sha256: str
    tensorrt: str
    device: str
    capability: str
    precision: str = 'fp32'
    shapes: str = ''
    plugins: tuple[str, ...] = ()
    workspace_mb: int = 0
    tf32: bool = False

    def header(self) -> Mapping[str, Any]:
        """Return it as JSON would give it back."""
        return {**asdict(self), 'plugins': list(self.plugins)}

    @property
    def digest(self) -> str:
        """A short name of the key."""
        return hashlib.sha256(
            json.dumps(self.header(), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Found:
    """
    What the cache has for a key.

    :param engine: the engine, or None.
    :param reason: why there is none that can be used; ``''`` where there never was one.
    """

    engine: bytes | None
    reason: str = ''


class EngineCache:
    """
    A folder with one file for each engine, named after the model, with a header that says all.

    Safe for any number of processes: a file appears whole or not at all, and who builds an engine
    holds its lock.

    :param folder: made when the first engine is written.
    :param name: what the model is called, for people.
    """

    def __init__(self, folder: Path, key: EngineKey, name: str) -> None:
        """Touch nothing yet."""
        self.folder = folder
        self.key = key
        stem = re.sub(r'[^A-Za-z0-9_-]+', '_', Path(name).stem)[:40] or 'model'
        self._stem = f'{stem}-{key.model_sha256[:12]}'
        self.path = folder / f'{self._stem}-{key.digest}{SUFFIX}'

    def read(self) -> Found:
        """Return the engine, or the reason why what is there cannot be used; never raises."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return Found(None, self._relatives())
        except OSError as error:
            return Found(None, f"'{self.path}' cannot be read: {error.strerror}; {REBUILT}")
        try:
            header, engine = unwrap(str(self.path), data)
        except LoadFailed as error:
            return Found(None, f'{error}; {REBUILT}')
        wanted = self.key.header()
        wrong = [f'{name} {header.get(name)!r} instead of {wanted[name]!r}'
                 for name in wanted if header.get(name) != wanted[name]]
        if wrong:
            return Found(None, f"'{self.path}' is another engine's: {', '.join(wrong)}; {REBUILT}")
        return Found(engine)

    def write(self, engine: bytes) -> bool:
        """Keep an engine, whole or not at all; say aloud and return False where that fails."""
        try:
            write_whole(self.path, wrap(self.key.header(), engine))
        except OSError as error:
            _logger.warning(
                "The engine cannot be kept in '%s': %s. It is built again at each start; make "
                'the folder writable, or name another one by engine_cache_dir',
                self.folder, error.strerror or error)
            return False
        return True

    @contextmanager
    def building(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """
        Hold the right to build this engine; the kernel takes it back when the process dies.

        :param on_wait: called once when another process or thread holds it, before the wait.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_suffix('.lock').open('wb')
        except OSError:
            yield   # a folder that cannot be written, which write() says
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _relatives(self) -> str:
        """Say which engines of the same model and wish were made for something else."""
        wanted = self.key.header()
        for path in sorted(self.folder.glob(f'{self._stem}-*{SUFFIX}')):
            try:
                with path.open('rb') as stream:
                    header = _header(str(path), stream.read(MAX_HEADER))[0]
            except (OSError, LoadFailed):
                continue
            same = all(
                header.get(name) == wanted[name] for name in wanted if name not in ENVIRONMENT)
            other = [f'{name} {header.get(name)}, here {wanted[name]}'
                     for name in ENVIRONMENT if header.get(name) != wanted[name]]
            if same and other:
                return f"'{path}' is of {'; '.join(other)}; {REBUILT}"
        return ''


def default_folder() -> Path:
    """Return the folder for engines in the user's cache, by the XDG base directory rules."""
    home = os.environ.get('XDG_CACHE_HOME', '')
    base = Path(home) if os.path.isabs(home) else Path.home() / '.cache'
    return base / 'faster_deploy_ros' / 'engines'


def wrap(header: Mapping[str, Any], engine: bytes) -> bytes:
    """Put a header in front of an engine: what it is, and how to see that it is whole."""
    told = {**header, 'nbytes': len(engine), 'sha256': hashlib.sha256(engine).hexdigest()}
    return MAGIC + json.dumps(told, sort_keys=True).encode() + b'\n' + engine


def unwrap(title: str, data: bytes) -> tuple[Mapping[str, Any], bytes]:
    """
    Take the header off again.

    :raises LoadFailed: there is none, or the engine is not the one that it tells of.
    """
    header, start = _header(title, data)
    engine = data[start:]
    if len(engine) != header.get('nbytes'):
        raise LoadFailed(
            f"'{title}' is cut short: {len(engine)} bytes, expected {header.get('nbytes')}")
    if hashlib.sha256(engine).hexdigest() != header.get('sha256'):
        raise LoadFailed(f"'{title}' is corrupt: its checksum is not the one in its header")
    return header, engine


def write_whole(path: Path, data: bytes) -> None:
    """
    Write a file so that nobody ever sees a part of it, not even after a power cut.

    :raises OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix='.', suffix='.part', dir=path.parent)
    try:
        with os.fdopen(handle, 'wb') as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _header(title: str, data: bytes) -> tuple[Mapping[str, Any], int]:
    """Return the header, and where the engine begins."""
    end = data.find(b'\n', len(MAGIC), MAX_HEADER)
    try:
        header = json.loads(data[len(MAGIC):end]) if data.startswith(MAGIC) and end > 0 else None
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise LoadFailed(f"'{title}' has no header of ours")
    return header, end + 1
