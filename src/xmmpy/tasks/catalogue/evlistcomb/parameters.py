"""Parameters of evlistcomb: names and defaults of its task page, as far as they concern EPIC."""

from __future__ import annotations

from xmmpy.tasks.parameters import Dataset, TaskParameters, Text, TextList, parameter


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


class EvlistcombParameters(TaskParameters):
    """Combine the event lists of single CCDs into one of the camera."""

    eventsets: TextList = parameter(help="event lists, each of one CCD")
    instrument: Text = parameter("emos", choices=("emos", "epn", "rgs"), help="whose columns and modes are taken")
    imagingset: Dataset = parameter("merged.img", help="list to write of CCDs in an imaging mode")
    timingset: Dataset = parameter("merged.tim", help="list to write of CCDs in a timing mode")
    maintable: TextList = parameter(("EVENTS",), help="tables whose rows are put together")
    othertables: TextList = parameter(_words("BADPIX EXPOSURE STDGTI"), help="blocks that are taken over for each CCD")
    primarychecks: TextList = parameter(
        _words("TELESCOP INSTRUME OBS_ID EXP_ID"), help="primary keywords that all lists must share"
    )
    primaryonly: TextList = parameter(("ORIGIN",), help="primary keywords that do not go into the other blocks")
    extensionchecks: TextList = parameter(
        _words("TIMESYS MJDREF TIMEUNIT TIMEREF TASSIGN DET_SYST TCRPX TCTYP TCRVL TCDLT TCROT TCUNI"),
        help="keywords of the main tables that should be the same",
    )
    minattributes: TextList = parameter(_words("TSTART TLMIN TDMIN"), help="keywords of which the least is taken")
    maxattributes: TextList = parameter(_words("TSTOP TLMAX TDMAX"), help="keywords of which the greatest is taken")
    mainattributes: TextList = parameter((), help="keywords of main tables to take over; without it, all are")
    emosdatamodes: TextList = parameter(_words("IMAGING TIMING"), help="modes of MOS: the imaging one, the others")
    emosimgcolnames: TextList = parameter(
        _words("TIME RAWX RAWY DETX DETY X Y PHA PI FLAG PATTERN OFFSETX OFFSETY"), help="columns of MOS imaging lists"
    )
    emosimgcoltypes: TextList = parameter(
        _words("double int16 int16 int16 int16 int32 int32 int16 int16 int32 int8 int16 int16"), help="their types"
    )
    emostimcolnames: TextList = parameter(
        _words("TIME RAWX PHA PI FLAG PATTERN OFFSETX OFFSETY"), help="columns of MOS timing lists"
    )
    emostimcoltypes: TextList = parameter(_words("double int16 int16 int16 int32 int8 int16 int16"), help="their types")
    epndatamodes: TextList = parameter(_words("IMAGING TIMING BURST"), help="modes of pn: the imaging one, the others")
    epnimgcolnames: TextList = parameter(
        _words("TIME RAWX RAWY DETX DETY X Y PHA PI FLAG PATTERN PAT_ID PAT_SEQ OFFSETX"),
        help="columns of pn imaging lists",
    )
    epnimgcoltypes: TextList = parameter(
        _words("double int16 int16 int16 int16 int32 int32 int16 int16 int32 int8 int16 int8 int16"), help="their types"
    )
    epntimcolnames: TextList = parameter(
        _words("TIME RAWX RAWY PHA PI FLAG PATTERN PAT_ID PAT_SEQ OFFSETX"), help="columns of pn timing lists"
    )
    epntimcoltypes: TextList = parameter(
        _words("double int16 int16 int16 int16 int32 int8 int16 int8 int16"), help="their types"
    )

    def columns(self, imaging: bool) -> dict[str, str]:
        """Names and types of the columns to write, for imaging lists or for the others."""
        mode = "img" if imaging else "tim"
        names: tuple[str, ...] = getattr(self, f"{self.instrument}{mode}colnames")
        types: tuple[str, ...] = getattr(self, f"{self.instrument}{mode}coltypes")
        return dict(zip([name.upper() for name in names], [kind.lower() for kind in types], strict=True))

    @property
    def datamodes(self) -> tuple[str, ...]:
        """Words of DATAMODE: the imaging one first."""
        words: tuple[str, ...] = getattr(self, f"{self.instrument}datamodes")
        return tuple(word.upper() for word in words)
