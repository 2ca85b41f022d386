"""Live time against a sum over frames, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmmpy.events.livetime import Frames, frames_kept, live_time, weighted_live_time
from xmmpy.products.intervals import Intervals

PAIRS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=6)


@given(PAIRS, st.integers(0, 40), st.sampled_from([2.6, 0.073]), st.booleans(), st.integers(0, 2**16))
def test_only_whole_frames_count(pairs, number, length, column, seed):
    rng = np.random.default_rng(seed)
    good = Intervals.of([a for a, _ in pairs], [b for _, b in pairs])
    time = np.sort(rng.uniform(0, 100, number))
    fraction = rng.uniform(0, 1, number).astype(np.float32)
    duration = np.full(number, length, np.float32) if column else length
    frames = Frames(time, duration, fraction)
    size = float(np.float32(length)) if column else length
    inside = [
        any(a <= t - size / 2 and t + size / 2 <= b for a, b in zip(good.start, good.stop, strict=True)) for t in time
    ]
    expected = sum(size * float(f) for f, whole in zip(fraction, inside, strict=True) if whole)
    assert live_time(frames, good) == pytest.approx(expected, rel=1e-6)
    centres = [any(a <= t <= b for a, b in zip(good.start, good.stop, strict=True)) for t in time]
    assert list(frames_kept(frames, good)) == centres


def test_weights_are_the_events_of_each_ccd():
    assert weighted_live_time({1: 100.0, 2: 200.0}, {1: 30, 2: 10}) == pytest.approx(125)
    assert weighted_live_time({1: 100.0, 2: 200.0}, {}) == 200
    assert weighted_live_time({1: 100.0, 2: 200.0}, {2: 5, 7: 100}) == 200
    assert weighted_live_time({}, {}) == 0
