# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

import os
from pathlib import Path

from faster_deploy_ros.errors import BadValue


def write_whole(path: Path, content: str | bytes, option: str) -> None:
    """
    Write a file beside its place and put it there when it is complete.

    :param option: that named the file, for the message.
    :raises BadValue: it cannot be written.
    """
    draft = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    except OSError as error:
        raise BadValue(f"{option}: '{path}' cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def check_place(path: Path | None, option: str) -> None:
    """
    Refuse a file whose folder is not there, before the work is done and not after.

    :raises BadValue: there is no such folder.
    """
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise BadValue(
            f"{option}: '{path}' cannot be written, expected a file in a folder that is there")
