"""ONTIME, LIVETIME and EXPOSURE of a selection, CCD by CCD."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from xmmpy.events.livetime import weighted_live_time

if TYPE_CHECKING:
    from xmmpy.products.header import Header
    from xmmpy.products.intervals import Intervals
    from xmmpy.selection.dataspace import DataSpace
    from xmmpy.tasks.catalogue.evselect.source import EventSource

_LAST_CCD = 12  # of pn; MOS have 7


@dataclass(frozen=True)
class ExposureTimes:
    """Good and live times of the CCDs of a data subspace.

    Attributes
    ----------
    source : EventSource
        The list, for its frames.
    space : DataSpace
        The selection.
    """

    source: EventSource
    space: DataSpace

    @cached_property
    def good(self) -> dict[int, Intervals]:
        """GTIs by CCD."""
        return {ccd: good for ccd, good in sorted(self.space.good_times().items()) if ccd > 0}

    @cached_property
    def unaltered(self) -> frozenset[int]:
        """CCDs whose good times are those of the list: the times that the list states stand.

        So does SAS: a barycentred list whose good times no longer add up to ONTIMEnn keeps the values through
        a selection on position and energy.
        """
        before = self.source.space.good_times()
        return frozenset(ccd for ccd, good in self.good.items() if before.get(ccd) == good)

    @cached_property
    def on(self) -> dict[int, float]:
        """ONTIMEnn by CCD, s."""
        return {ccd: self._known("ONTIME", ccd, good.total) for ccd, good in self.good.items()}

    @cached_property
    def live(self) -> dict[int, float]:
        """LIVETInn by CCD, s: from the frames where the good times have changed."""
        live = {}
        for ccd, good in self.good.items():
            known = self.source.number(f"LIVETI{ccd:02d}") if ccd in self.unaltered else None
            if known is not None:
                live[ccd] = known
            elif ccd in self.source.exposures:
                live[ccd] = self.source.live_time(ccd, good)
        return live

    def update_list(self, header: Header, counts: dict[int, int]) -> list[tuple[str, float, str]]:
        """Give the cards ONTIMEnn, ONTIME, LIVETInn, LIVETIME of a filtered list, in SAS's order.

        A CCD without selected events, which loses its frames, keeps the times that the list states, as in
        SAS's lists of corners, where CCD 1 has none.
        """
        central = self.source.central_ccd
        idle = {ccd for ccd in self.good if counts and ccd not in counts}
        on = self._with_stated("ONTIME", self.on, idle)
        live = self._with_stated("LIVETI", self.live, idle)
        cards = [(f"ONTIME{ccd:02d}", time, "Sum of GTIs for a particular CCD") for ccd, time in on.items()]
        if central in on:
            cards.append(("ONTIME", on[central], "Sum of GTIs for central CCD"))
        cards += [(f"LIVETI{ccd:02d}", time, "Live time for a particular CCD") for ccd, time in live.items()]
        if central in live:
            cards.append(("LIVETIME", live[central], "Live time for the central CCD"))
        if "EXPOSURE" in header and live:
            cards.append(("EXPOSURE", live.get(central, max(live.values())), "Live time"))
        return cards

    def ontime_cards(self) -> list[tuple[str, float, str]]:
        """ONTIMEnn of all CCDs."""
        return [(f"ONTIME{ccd:02d}", time, "Sum of GTIs for a particular CCD") for ccd, time in self.on.items()]

    def image_exposure(self) -> float | None:
        """EXPOSURE of an image: the largest ONTIMEnn, s."""
        return max(self.on.values(), default=None)

    def weighted(self, counts: dict[int, int], *, stated: bool = False) -> float | None:
        """EXPOSURE of a spectrum or rate curve: live times weighted with the selected events of each CCD, s.

        Parameters
        ----------
        counts : dict
            Selected events by CCD.
        stated : bool
            Take the live times that the list states (LIVETInn), not those of the selection.
        """
        times = self._with_stated("LIVETI", {}, set()) if stated else self.live or self.on
        return weighted_live_time(times, counts) if times else None

    def _with_stated(self, stem: str, times: dict[int, float], idle: set[int]) -> dict[int, float]:
        """Times by CCD, with those that the list states for CCDs that are idle or have no good times."""
        known = {ccd: self.source.number(f"{stem}{ccd:02d}") for ccd in range(1, _LAST_CCD + 1)}
        stated = {ccd: time for ccd, time in known.items() if time is not None and (ccd in idle or ccd not in times)}
        return dict(sorted((times | stated).items()))

    def _known(self, stem: str, ccd: int, computed: float) -> float:
        stated = self.source.number(f"{stem}{ccd:02d}") if ccd in self.unaltered else None
        return computed if stated is None else stated
