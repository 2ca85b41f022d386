"""Parameters of barycen: those of SAS (its task page), and orbitset, which is ours."""

from __future__ import annotations

from xmmpy.tasks.parameters import ColumnName, Dataset, Switch, TableName, TaskParameters, Text, parameter


class BarycenParameters(TaskParameters):
    """Bring the times of an event list to the barycentre of the solar system."""

    withtable: Switch = parameter(True, help="correct a table; no converts one time and says it")
    table: TableName = parameter(
        "", writes=True, help="table to correct in place: file or file:EXT; EVENTS where none is named"
    )
    timecolumn: ColumnName = parameter("TIME", help="its column of times")
    withsrccoordinates: Switch = parameter(False, help="take srcra, srcdec, not RA_OBJ, DEC_OBJ of the list")
    srcra: Text = parameter("0", help="RA of the source: degrees, or HH:MM:SS.S (J2000)", parent="withsrccoordinates")
    srcdec: Text = parameter("0", help="its Dec: degrees, or DD:MM:SS.S", parent="withsrccoordinates")
    time: Text = parameter("0", help="time to convert when withtable=no: mission seconds, or UTC yyyy-mm-ddThh:mm:ss")
    processgtis: Switch = parameter(True, help="correct the good time intervals in the file, too")
    processexposutables: Switch = parameter(True, help="correct the EXPOSUnn tables, too")
    ephemeris: Text = parameter(
        "builtin", help="the Earth's place: builtin (ERFA's series), or a JPL file such as de440.bsp"
    )
    orbitset: Dataset = parameter("", writes=False, help="table ORBIT of the spacecraft's places (TIME, X, Y, Z)")
