"""Patterns of pn against a search pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.events.pn.patterns import Recognised, pixel_keys, recognise

Pixel = tuple[int, int, int]
Charges = dict[Pixel, int]
ABOVE, RIGHT, BELOW, LEFT = (0, 1), (1, 0), (0, -1), (-1, 0)
DOUBLES = {ABOVE: 1, RIGHT: 2, BELOW: 3, LEFT: 4}
CORNERS = {(ABOVE, RIGHT): 0, (RIGHT, BELOW): 1, (BELOW, LEFT): 2, (LEFT, ABOVE): 3}

FRAMES = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(1, 7), st.integers(1, 7)), st.integers(20, 60), max_size=60
)


def found_in(charges: Charges) -> tuple[list[Pixel], Recognised]:
    order = sorted(charges)
    frame, rawx, rawy = (np.array([pixel[axis] for pixel in order], np.int64) for axis in range(3))
    keys = pixel_keys(frame.astype(np.intp), rawx.astype(np.uint8), rawy.astype(np.uint8))
    return order, recognise(keys, np.array([charges[pixel] for pixel in order], np.int16))


def groups_of(charges: Charges) -> list[set[Pixel]]:
    """Pixels that touch at a side, by walking from one to the next."""
    left, groups = set(charges), []
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            frame, x, y = edge.pop()
            group.add((frame, x, y))
            for dx, dy in DOUBLES:
                beside = (frame, x + dx, y + dy)
                if beside in left:
                    left.remove(beside)
                    edge.append(beside)
        groups.append(group)
    return groups


def pattern_of(group: set[Pixel], charges: Charges) -> tuple[Pixel, int]:
    """Main pixel and PATTERN in the words of the task page."""
    main = min(group, key=lambda pixel: (-charges[pixel], pixel))
    steps = {(x - main[1], y - main[2]) for _, x, y in group} - {(0, 0)}
    size = len(group)
    if size == 1:
        return main, 0
    if size == 2:
        return main, DOUBLES[next(iter(steps))]
    for (one, other), number in CORNERS.items():
        across = (one[0] + other[0], one[1] + other[1])
        if size == 3 and steps == {one, other}:
            return main, 5 + number
        if size == 4 and steps == {one, other, across}:
            opposite = charges[(main[0], main[1] + across[0], main[2] + across[1])]
            if opposite == min(charges[pixel] for pixel in group):
                return main, 9 + number
    return main, 64 + (11 + size if size <= 4 else 32 + min(size - 5, 31))


@given(FRAMES)
def test_events_are_those_of_a_search_pixel_by_pixel(charges: Charges) -> None:
    order, found = found_in(charges)
    wanted = dict(pattern_of(group, charges) for group in groups_of(charges))
    assert {order[row]: int(pattern) for row, pattern in zip(found.main, found.pattern, strict=True)} == wanted
    for group in groups_of(charges):
        assert len({int(found.event[order.index(pixel)]) for pixel in group}) == 1
    assert np.array_equal(found.event[found.main], np.arange(found.main.size))
    charge = np.array([charges[pixel] for pixel in order])
    sums = np.bincount(found.event, weights=charge, minlength=found.main.size) if charge.size else np.zeros(0)
    assert sums.sum() == charge.sum()


@given(FRAMES)
def test_running_numbers_and_distances(charges: Charges) -> None:
    order, found = found_in(charges)
    for frame in range(3):
        mine = [n for n, row in enumerate(found.main) if order[row][0] == frame]
        numbers = sorted(int(found.index[n]) for n in mine if found.pattern[n])
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(found.index[n] == 0 for n in mine if not found.pattern[n])
    for (frame, x, y), distance in zip(order, found.sequence, strict=True):
        below = [y - other for f, column, other in charges if (f, column) == (frame, x) and other < y]
        assert distance == min(below, default=0)


@pytest.mark.parametrize(("steps", "pattern"), [
    ([], 0), ([ABOVE], 1), ([RIGHT], 2), ([BELOW], 3), ([LEFT], 4), ([ABOVE, RIGHT], 5), ([LEFT, ABOVE], 8),
    ([ABOVE, BELOW], 78), ([ABOVE, (0, 2)], 78), ([RIGHT, BELOW, LEFT], 79), ([ABOVE, RIGHT, BELOW, LEFT], 96),
])  # fmt: skip
def test_the_coding_of_the_task_page(steps: list[tuple[int, int]], pattern: int) -> None:
    charges = {(0, 10, 10): 500} | {(0, 10 + dx, 10 + dy): 100 + n for n, (dx, dy) in enumerate(steps)}
    assert found_in(charges)[1].pattern.tolist() == [pattern]


def test_the_smallest_charge_of_a_quadruple_lies_opposite() -> None:
    square = {(0, 3, 3): 900, (0, 3, 4): 300, (0, 4, 3): 200, (0, 4, 4): 50}
    assert found_in(square)[1].pattern.tolist() == [9]
    assert found_in(square | {(0, 4, 4): 250})[1].pattern.tolist() == [79]


def test_rims_do_not_touch() -> None:
    """The last pixel of a column and the first of the next are no neighbours, nor are those of two frames."""
    assert found_in({(0, 5, 200): 100, (0, 6, 1): 90})[1].pattern.tolist() == [0, 0]
    assert found_in({(0, 64, 7): 100, (1, 1, 7): 90, (1, 64, 7): 80})[1].pattern.tolist() == [0, 0, 0]


def test_a_track_of_many_pixels_is_one_event() -> None:
    track = {(0, 1 + n // 100, 1 + (n % 100 if n < 100 else 199 - n)): 100 + n for n in range(200)}
    order, found = found_in(track)
    assert found.pattern.tolist() == [64 + 32 + 31]
    assert charges_of_main(order, found, track) == [299]


def charges_of_main(order: list[Pixel], found: Recognised, charges: Charges) -> list[int]:
    return [charges[order[row]] for row in found.main]


@pytest.mark.parametrize("fill", [0.3, 0.6, 0.9])
def test_crowded_frames(fill: float) -> None:
    """Groups that wind over a whole CCD are found whole."""
    rng = np.random.default_rng(4)
    rawx, rawy = np.nonzero(rng.random((64, 200)) < fill)
    charges = {(0, int(x) + 1, int(y) + 1): int(rng.integers(20, 900)) for x, y in zip(rawx, rawy, strict=True)}
    order, found = found_in(charges)
    place = {pixel: row for row, pixel in enumerate(order)}
    groups = groups_of(charges)
    assert found.main.size == len(groups)
    for group in groups:
        assert len({int(found.event[place[pixel]]) for pixel in group}) == 1
