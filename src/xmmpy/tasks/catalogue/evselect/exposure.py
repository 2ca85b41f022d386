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
    def live(self) -> dict[int, float]:
        """LIVETInn by CCD, s: from the frames; what the list says for a CCD without an EXPOSUnn table."""
        live = {}
        unchanged = self.source.space.good_times()
        for ccd, good in self.good.items():
            if ccd in self.source.exposures:
                live[ccd] = self.source.live_time(ccd, good)
            elif unchanged.get(ccd) == good and (known := self.source.number(f"LIVETI{ccd:02d}")) is not None:
                live[ccd] = known
        return live

    def update_list(self, header: Header) -> list[tuple[str, float, str]]:
        """Give the cards ONTIMEnn, ONTIME, LIVETInn, LIVETIME of a filtered list, in SAS's order."""
        central = self.source.central_ccd
        cards = self.ontime_cards()
        if central in self.good:
            cards.append(("ONTIME", self.good[central].total, "Sum of GTIs for central CCD"))
        cards += [(f"LIVETI{ccd:02d}", live, "Live time for a particular CCD") for ccd, live in self.live.items()]
        if central in self.live:
            cards.append(("LIVETIME", self.live[central], "Live time for the central CCD"))
        if "EXPOSURE" in header and self.live:
            cards.append(("EXPOSURE", self.live.get(central, max(self.live.values())), "Live time"))
        return cards

    def ontime_cards(self) -> list[tuple[str, float, str]]:
        """ONTIMEnn of all CCDs."""
        return [(f"ONTIME{c:02d}", good.total, "Sum of GTIs for a particular CCD") for c, good in self.good.items()]

    def image_exposure(self) -> float | None:
        """EXPOSURE of an image: the largest ONTIMEnn, s."""
        return max((good.total for good in self.good.values()), default=None)

    def weighted(self, counts: dict[int, int], *, stated: bool = False) -> float | None:
        """EXPOSURE of a spectrum or rate curve: live times weighted with the selected events of each CCD, s.

        Parameters
        ----------
        counts : dict
            Selected events by CCD.
        stated : bool
            Take the live times that the list states (LIVETInn), not those of the selection.
        """
        times = self._stated() if stated else self.live or {ccd: good.total for ccd, good in self.good.items()}
        return weighted_live_time(times, counts) if times else None

    def _stated(self) -> dict[int, float]:
        known = {ccd: self.source.number(f"LIVETI{ccd:02d}") for ccd in range(1, _LAST_CCD + 1)}
        return {ccd: live for ccd, live in known.items() if live is not None}
