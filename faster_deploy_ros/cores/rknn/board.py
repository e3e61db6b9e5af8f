# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which Rockchip chip this is, what its NPU has, and which software drives it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
import mmap
from pathlib import Path
import re

from faster_deploy_ros.errors import BadValue, LoadFailed, Unavailable

# Where the kernel names the board and the chip; RKNNLite looks there too.
COMPATIBLE = Path('/proc/device-tree/compatible')
LIBRARIES = (
    Path('/usr/lib/librknnrt.so'), Path('/usr/lib/aarch64-linux-gnu/librknnrt.so'),
    Path('/usr/lib64/librknnrt.so'), Path('/usr/local/lib/librknnrt.so'))
DRIVERS = (Path('/sys/kernel/debug/rknpu/version'), Path('/proc/rknpu/version'))
PACKAGE = 'rknn-toolkit-lite2'

CORES: Mapping[str, int] = {'rk3588': 3, 'rk3576': 2}   # all others have one
# Models for one of these run on the other.
SIBLINGS = ({'rk3566', 'rk3568'}, {'rv1103', 'rv1106'}, {'rv1103b', 'rv1106b'})
_CHIP = re.compile(r'rockchip,((?:rk|rv)[0-9]{4}b?)')


@dataclass(frozen=True)
class Board:
    """
    What this machine's NPU is.

    :param soc: the chip in lower case: ``'rk3588'``.
    :param cores: how many NPU cores it has.
    """

    soc: str
    cores: int

    @property
    def title(self) -> str:
        """How messages and device lists call it."""
        return f'{self.soc.upper()} NPU'

    def masks(self, cores: Sequence[int], together: bool) -> tuple[int, ...]:
        """
        Return the core masks that seats take in turn, as RKNNLite's ``NPU_CORE_*`` count them.

        A chip with one core refuses any mask but 0, which is that core there.

        :param cores: some of 0, 1, ... ``self.cores - 1``.
        :param together: each seat on all of them at once.
        """
        if self.cores == 1:
            return (0,)
        single = [1 << core for core in cores]
        return (sum(single),) if together else tuple(single)

    def check_cores(self, title: str, words: Iterable[str]) -> tuple[int, ...]:
        """
        Read the option ``cores``.

        RKNNLite would put a core that the chip lacks on another one and only log that.

        :raises BadValue: a word that is no number, or names a core twice.
        :raises Unavailable: a core that this chip has not.
        """
        found: list[int] = []
        for word in words:
            if not word.isdecimal():
                raise BadValue(
                    f"{title}: option cores: got '{word}', expected numbers such as 0,1,2")
            if int(word) >= self.cores:
                raise Unavailable(
                    f'{title}: option cores: there is no core {word}, the {self.title} has '
                    f"{', '.join(map(str, range(self.cores)))}")
            if int(word) in found:
                raise BadValue(
                    f'{title}: option cores: core {word} is named twice; more seats, not more '
                    'names, put more contexts on a core')
            found.append(int(word))
        return tuple(found) or tuple(range(self.cores))

    def check_targets(self, title: str, targets: Sequence[str]) -> None:
        """
        Refuse a model that was made for another chip.

        :raises LoadFailed: none of the targets is this chip or one of its kind.
        """
        kin: set[str] = {self.soc}.union(*(each for each in SIBLINGS if self.soc in each))
        if targets and not kin & set(targets):
            raise LoadFailed(
                f"{title}: the model is for {', '.join(targets)}, this chip is {self.soc}; "
                f'convert it again: faster-deploy convert m.onnx --to rknn, target {self.soc}')


def find_board() -> Board:
    """
    Tell this machine's chip.

    :raises Unavailable: it is none of Rockchip's, or the kernel's page is not visible.
    """
    try:
        text = COMPATIBLE.read_bytes().decode(errors='replace')
    except OSError:
        raise Unavailable(
            f'rknn: {COMPATIBLE} is not there, so this is no Rockchip board; in a container, map '
            'that file and /dev/dri into it') from None
    match = _CHIP.search(text)
    if match is None:
        names = ', '.join(text.strip('\0').split('\0'))
        raise Unavailable(
            f"rknn: this board is '{names}', expected one with a Rockchip chip such as rk3588")
    return Board(match[1], CORES.get(match[1], 1))


def find_library() -> Path | None:
    """Return the runtime's library, where it lies in one of its usual places."""
    return next((path for path in LIBRARIES if path.is_file()), None)


def versions() -> dict[str, str]:
    """Return what drives the NPU, by name; what cannot be read is left out."""
    found: dict[str, str] = {}
    try:
        found[PACKAGE] = version(PACKAGE)
    except PackageNotFoundError:
        pass
    library = find_library()
    if library is not None:
        found['librknnrt'] = _library_version(library) or 'unknown'
    for path in DRIVERS:   # readable for root alone on most boards
        try:
            match = re.search(r'v?([0-9][0-9.]*)', path.read_text(errors='replace'))
        except OSError:
            continue
        if match is not None:
            found['rknpu'] = match[1]
            break
    return found


def _library_version(path: Path) -> str:
    """Read the version out of the library's own start-up message."""
    try:
        with path.open('rb') as stream, mmap.mmap(
                stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            match = re.search(rb'librknnrt version: ([0-9][0-9a-z.]*)', content)
            return match[1].decode() if match else ''
    except (OSError, ValueError):
        return ''


def why_not(title: str, toolkit: str) -> Unavailable | LoadFailed:
    """
    Explain in one line why RKNNLite could not start a model, which it says by -1 only.

    :param toolkit: the version that the model was made with; ``''``: not known.
    """
    if find_library() is None:
        return Unavailable(
            f'{title}: RKNNLite cannot start the NPU, and librknnrt.so is in none of '
            f"{', '.join(sorted({str(path.parent) for path in LIBRARIES}))}; copy it from "
            "Rockchip's rknpu2 runtime, of the toolkit's version")
    found = versions()
    library = found.get('librknnrt', '')
    if toolkit and library and _older(library, toolkit):
        return LoadFailed(
            f'{title}: the model was made by toolkit {toolkit}, this librknnrt is {library} and '
            f'refuses it; update librknnrt.so to {toolkit}, or convert with toolkit {library}')
    told = ', '.join(f'{name} {number}' for name, number in found.items())
    return LoadFailed(
        f'{title}: RKNNLite cannot start the model (init_runtime gave -1; its log says more). '
        f'Found {told}; the model was made by toolkit {toolkit or "unknown"}. Check that these '
        'versions fit, that the NPU driver (rknpu) is loaded, and that memory is free')


def _older(library: str, toolkit: str) -> bool:
    """Tell whether the first two numbers of a version are below those of another."""
    parts = [re.findall('[0-9]+', text)[:2] for text in (library, toolkit)]
    return all(len(each) == 2 for each in parts) and (
        [int(n) for n in parts[0]] < [int(n) for n in parts[1]])
