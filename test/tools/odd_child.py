# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process that answers its parent well or badly, as it is asked to."""

import os
import signal
import subprocess
import sys
import time

from faster_deploy_ros.errors import Unsupported
from faster_deploy_ros.tools.child import serve


def answer(question):
    """Do what the question says."""
    match question['do']:
        case 'echo':
            return question['what']
        case 'print':
            print('a library that prints to stdout')
            os.write(1, b'and one that is written in C\n')
            return 'done'
        case 'refuse':
            raise Unsupported('odd: not offered here')
        case 'fail':
            return list(question)[1]
        case 'crash':
            print('the last straw', file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        case 'leave':
            os._exit(3)
        case 'hang':
            time.sleep(60)
        case 'breed':
            return subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid
    return None


if __name__ == '__main__':
    serve(answer)
