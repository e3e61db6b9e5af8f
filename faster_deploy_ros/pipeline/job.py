# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run one job so that whatever happens in it is a value."""

import traceback

from faster_deploy_ros.pipeline.lane import Ticket


def perform(ticket: Ticket) -> tuple[object, BaseException | None]:
    """
    Run a frame's job; SystemExit and its kin are values too: no bad frame ends a worker.

    Thread: worker
    """
    job = ticket.job
    if job is None:   # the watchdog settled the frame before we came to it
        return None, None
    try:
        return job(ticket.watch), None
    except BaseException as error:
        return None, error


def release_frames(error: BaseException) -> None:
    """
    Empty the finished call frames behind an error, its causes and its contexts.

    The lines of the traceback stay readable; the local variables, the image among them, go.
    """
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        link = chain.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        traceback.clear_frames(link.__traceback__)
        chain += [link.__cause__, link.__context__]
        group = getattr(link, 'exceptions', None)   # an ExceptionGroup has them, from 3.11 on
        if isinstance(group, tuple):
            chain += [one for one in group if isinstance(one, BaseException)]
