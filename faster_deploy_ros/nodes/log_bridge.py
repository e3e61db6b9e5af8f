# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the layers below say through Python's logging comes out of the node's own logger."""

import logging
from typing import Any

LAYERS = logging.getLogger('faster_deploy_ros')


class LogBridge(logging.Handler):
    """
    Passes records on: an engine that is being built, a server that is back.

    Thread: any
    """

    def __init__(self, logger: Any) -> None:
        """Speak through a node's logger from now on, from INFO upwards."""
        super().__init__(logging.INFO)
        self._logger = logger
        if LAYERS.level == logging.NOTSET:
            LAYERS.setLevel(logging.INFO)
        LAYERS.addHandler(self)

    def close(self) -> None:
        """Be silent."""
        LAYERS.removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record; rclpy wants a line of its own for each severity."""
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)
