# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy models``."""

from argparse import ArgumentParser, Namespace
import json
from pathlib import Path
import sys

from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.tools.models import report, zoo
from faster_deploy_ros.tools.models.cache import default_folder, expanded, VARIABLE
from faster_deploy_ros.tools.models.fetch import asset_of, fetch, Fetched, is_there
from faster_deploy_ros.tools.models.licence import ask_licence, check_accepted
from faster_deploy_ros.tools.models.verify import RIGHT, verify
from faster_deploy_ros.tools.progress import Activity

OK, WRONG = 0, 1
EPILOG = f"""\
examples:
  faster-deploy models list
  faster-deploy models fetch yolox_nano
  faster-deploy models fetch dfine_n midas_small --output robot/models
  faster-deploy models verify

The weights are other people's, under their licences; nothing of them is in this package. Models
lie in $XDG_CACHE_HOME/faster_deploy_ros/models, or where {VARIABLE} says, each with a
card (.yaml), so that nodes and commands know what its tensors mean. A download that was
interrupted goes on from where it ended; the file gets its name when its checksum is right.
Proxies are taken from https_proxy.

ACTION --help tells more; each action has --json.

exit code: 0 done; 1 a file is not the right one; 2 refused, or no network."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    show = actions.add_parser('list', help='what there is, its size and licence')
    show.add_argument('--all', action='store_true', help='copyleft licences too')
    bring = actions.add_parser('fetch', help='download, check, and write the card')
    bring.add_argument('names', nargs='+', metavar='NAME', help='of the list')
    bring.add_argument(
        '--output', type=Path, metavar='DIR', help='a folder, made if absent, not the cache')
    bring.add_argument(
        '--accept-licence', action='append', default=[], metavar='ID',
        help='accept a copyleft licence without being asked: AGPL-3.0')
    bring.add_argument('--force', action='store_true', help='replace what is there')
    check = actions.add_parser('verify', help='whether files are what they should be')
    check.add_argument(
        'what', nargs='*', metavar='NAME|FILE',
        help='of the list, or a file whose card has a sha256; without any, all in the cache')
    for each in (show, bring, check):
        each.add_argument('--json', action='store_true', help='print JSON instead of text')


def run(arguments: Namespace) -> int:
    """
    List, fetch or verify; 1 if a file is not what it should be.

    :raises FasterDeployError: as ``fetch`` and ``verify``.
    """
    action = {'list': _list, 'fetch': _fetch, 'verify': _verify}[arguments.action]
    return action(arguments)


def _list(arguments: Namespace) -> int:
    folder = default_folder()
    rows = [row for row in zoo.ZOO.values() if arguments.all or not row.is_copyleft]
    hidden = len(zoo.ZOO) - len(rows)
    if arguments.json:
        print(json.dumps([report.entry(row, folder) for row in rows], indent=2))
    else:
        print(report.table(rows, folder, hidden))
    return OK


def _fetch(arguments: Namespace) -> int:
    check_accepted(arguments.accept_licence)
    folder = expanded(arguments.output) if arguments.output else default_folder()
    models = [zoo.find(name) for name in dict.fromkeys(arguments.names)]
    for model in models:   # all questions and refusals come before the first byte
        asset_of(model)
        if model.is_copyleft and (arguments.force or not is_there(model, folder)):
            ask_licence(model, arguments.accept_licence, sys.stderr, sys.stdin)
    results: list[Fetched] = []
    try:
        with Activity() as activity:
            for model in models:
                results.append(fetch(model, folder, activity.report, force=arguments.force))
    except KeyboardInterrupt:
        print('what came is kept, and the same command goes on from there', file=sys.stderr)
        raise
    except FasterDeployError:
        _tell(results, arguments)   # what is done is done
        raise
    _tell(results, arguments)
    return OK


def _tell(results: list[Fetched], arguments: Namespace) -> None:
    if arguments.json:
        print(json.dumps([report.fetched_entry(each) for each in results], indent=2))
    elif results:
        print(report.fetched(results))


def _verify(arguments: Namespace) -> int:
    folder = default_folder()
    found = verify(arguments.what, folder)
    if arguments.json:
        print(json.dumps([report.finding_entry(each) for each in found], indent=2))
    else:
        print(report.findings(found, folder))
    return OK if all(each.status == RIGHT for each in found) else WRONG
