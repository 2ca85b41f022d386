"""Fit of all candidates of a field, brightest first, then each again with all others in the background.

In the first round a source is fitted with the brighter ones known and the fainter ones not; those that have neighbours,
or may be several, are fitted once more before the last round, which finds likelihoods and errors. There, sources that
lie in each other's cores are fitted together whatever `nmaxfit` is: two candidates on both sides of a gap may be one
source, which shows only when the one may take the place of both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from xmmpy.detection.fit.group import MOST_SOURCES, fit_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xmmpy.detection.fit.model import Scene
    from xmmpy.detection.fit.settings import FitSettings, Source

_FIRST_SHARE: Final = 0.5
"""Part of `mlmin` that a source must reach in the first round, where fainter neighbours are not yet known."""
_CORE: Final = 0.7
"""Radii of the fitted circle within which two sources may be one."""
_CROWDED: Final = 4.0
"""Radii of the fitted circle within which neighbours disturb a fit."""


def fit_sources(scene: Scene, settings: FitSettings, candidates: Sequence[Source], *, errors: bool) -> list[Source]:
    """Fit candidates of a field.

    Parameters
    ----------
    scene : Scene
        The planes. The fitted sources are added to what is expected there.
    settings : FitSettings
        How to fit.
    candidates : sequence of Source
        The brightest first.
    errors : bool
        Whether to find the errors.

    Returns
    -------
    list of Source
        Those above `mlmin`, in the order of their candidates.
    """
    groups = []
    for cluster, members in enumerate(gather(scene, settings, candidates), 1):
        for member in members:
            member.cluster = cluster
        # Nothing is split as long as what is left over may be another candidate.
        groups.append(_fit(scene, replace(settings, nmulsou=1), members, _FIRST_SHARE * settings.mlmin))
    for number in _unsettled(groups, settings):
        groups[number] = _again(scene, settings, groups[number])
    groups = [_again(scene, settings, members, errors=errors) for members in _joined(groups)]
    return [source for members in groups for source in members]


def _unsettled(groups: Sequence[Sequence[Source]], settings: FitSettings) -> list[int]:
    """Groups that the last round alone would not do justice to.

    Those with a source of another group near by, and those with a source that may be split.
    """
    sources = [(source, number) for number, members in enumerate(groups) for source in members]
    places = np.array([source.place for source, _ in sources]).reshape(-1, 2)
    group = np.array([number for _, number in sources], np.int64)
    found = set()
    for (source, number), place in zip(sources, places, strict=True):
        near = np.hypot(*(places - place).T) < _CROWDED * float(source.radii.max())
        if np.any(near & (group != number)) or (settings.nmulsou > 1 and source.splittable):
            found.add(number)
    return sorted(found)


def _joined(groups: Sequence[list[Source]]) -> list[list[Source]]:
    """Groups, those one that have sources in each other's cores; in the order of their first members."""
    joined: list[list[Source]] = []
    for members in groups:
        near = [other for other in joined if _touch(members, other)]
        if not near or len(near[0]) + len(members) > MOST_SOURCES:
            joined.append(members)
            continue
        for member in members:
            member.cluster = near[0][0].cluster
        near[0].extend(members)
    return joined


def _touch(some: Sequence[Source], others: Sequence[Source]) -> bool:
    return any(
        np.hypot(a.place[0] - b.place[0], a.place[1] - b.place[1]) < _CORE * float(max(a.radii.max(), b.radii.max()))
        for a in some
        for b in others
    )


def _again(scene: Scene, settings: FitSettings, members: Sequence[Source], *, errors: bool = False) -> list[Source]:
    """Fit a group again, all other sources in the background."""
    for member in members:
        scene.add(member.parameters, -1.0)
    return _fit(scene, settings, members, settings.mlmin, errors=errors)


def _fit(
    scene: Scene, settings: FitSettings, members: Sequence[Source], threshold: float, *, errors: bool = False
) -> list[Source]:
    found = fit_group(scene, settings, members, threshold, errors=errors) if members else []
    for source in found:
        scene.add(source.parameters)
    return found


def gather(scene: Scene, settings: FitSettings, candidates: Sequence[Source]) -> Iterator[list[Source]]:
    """Groups to fit together: a candidate, the neighbours inside its `scut`, theirs, up to `nmaxfit`."""
    places = np.array([source.place for source in candidates]).reshape(-1, 2)
    left = np.ones(len(candidates), bool)
    most = min(settings.nmaxfit, MOST_SOURCES)
    for first in range(len(candidates)):
        if not left[first]:
            continue
        members = [first]
        left[first] = False
        for member in members:
            if len(members) >= most:
                break
            radius = float(np.median(scene.optics.radii(*candidates[member].place, settings.scut)))
            distance = np.hypot(*(places - places[member]).T)
            near = np.flatnonzero(left & (distance <= radius))
            for neighbour in near[np.argsort(distance[near], kind="stable")][: most - len(members)]:
                members.append(int(neighbour))
                left[neighbour] = False
        yield [candidates[member] for member in members]
