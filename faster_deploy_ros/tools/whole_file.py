# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

import errno
import os
from pathlib import Path

from faster_deploy_ros.errors import BadValue

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)   # of errors: the disk takes no more


def put_whole(path: Path, content: str | bytes) -> None:
    """
    Write a file beside its place and put it there when it is complete.

    What is no file of its own (a device, a pipe, a link) stays what it is and is written into.

    :raises OSError: the disk does not take it; what was there before still is.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
    draft = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, option: str) -> None:
    """
    Write a file that the user has named.

    :param option: that named the file, for the message.
    :raises BadValue: it cannot be written.
    """
    try:
        put_whole(path, content)
    except OSError as error:
        raise BadValue(f"{option}: '{path}' cannot be written: {error.strerror}") from error


def check_place(path: Path | None, option: str) -> None:
    """
    Refuse a file whose folder is not there, before the work is done and not after.

    :raises BadValue: there is no such folder.
    """
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise BadValue(
            f"{option}: '{path}' cannot be written, expected a file in a folder that is there")
