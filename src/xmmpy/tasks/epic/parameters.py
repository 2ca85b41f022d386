"""Parameters that the four chains share, named as SAS names them."""

from __future__ import annotations

from xmmpy.tasks.parameters import Integer, Real, Switch, TaskParameters, Text, parameter


class ChainParameters(TaskParameters):
    """What all chains know."""

    outdir: Text = parameter(".", help="folder for the products, and for an ODF that is unpacked")
    withinstexpids: Switch = parameter(False, help="only the exposures in instexpids")
    instexpids: Text = parameter("", parent="withinstexpids", help="such as 'M1S001 M1U002'")
    withfixedattitude: Switch = parameter(False, help="take one attitude for all times, not that of the ODF")
    fixedra: Real = parameter(
        0.0, unit="deg", parent="withfixedattitude", minimum=0, maximum=360, help="its right ascension"
    )
    fixeddec: Real = parameter(
        0.0, unit="deg", parent="withfixedattitude", minimum=-90, maximum=90, help="its declination"
    )
    fixedposangle: Real = parameter(0.0, unit="deg", parent="withfixedattitude", help="its position angle")
    runatthkgen: Switch = parameter(True, help="write the attitude table too")
    randomizeposition: Switch = parameter(True, help="spread events evenly over their pixels")
    randomizeenergy: Switch = parameter(True, help="spread the charge evenly over its channel")
    randomizetime: Switch = parameter(True, help="spread events evenly over their frame")
    randomseed: Integer = parameter(1, minimum=0, help="start of the random numbers: the same one, the same bytes")


class PipelineParameters(TaskParameters):
    """What the chains named as ESA's pipeline know beside."""

    odf: Text = parameter("", help="folder of the ODF, its SUM.SAS or archive; that of SAS_ODF when empty")


class MosChainParameters(ChainParameters):
    """What the chains of MOS know."""

    runbadpixfind: Switch = parameter(True, help="look for bad pixels that the calibration does not know")
    splitdiagonals: Switch = parameter(True, help="make two events of patterns that touch at a corner")
    rejectbade3e4: Switch = parameter(True, help="reject events with stray charge around them")


class PnChainParameters(ChainParameters):
    """What the chains of pn know."""

    runbadpixfind: Switch = parameter(True, help="look for bad pixels that the calibration does not know")
    withoutoftime: Switch = parameter(False, help="take all events for out-of-time ones")
    lowerthreshold: Integer = parameter(20, unit="adu", minimum=0, help="smallest charge of a pixel")
    mipthreshold: Integer = parameter(3000, unit="adu", minimum=1, help="charge of the track of a particle")
    reemissionthresh: Integer = parameter(
        0, unit="adu", minimum=0, help="charge after which a pixel may be a re-emission; 0: none"
    )
