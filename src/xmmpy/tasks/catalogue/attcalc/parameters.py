"""Parameters of attcalc."""

from __future__ import annotations

from xmmpy.tasks.parameters import Dataset, Real, Switch, TaskParameters, Text, parameter


class AttcalcParameters(TaskParameters):
    """Compute X,Y of the events of a list from DETX,DETY and the attitude."""

    eventset: Dataset = parameter(help="calibrated event list, changed in place", writes=True)
    attitudelabel: Text = parameter("ahf", choices=("ahf", "om", "fixed"), help="attitude: of the AHF, of OM, or fixed")
    fixedra: Real = parameter(0.0, unit="deg", minimum=0.0, maximum=360.0, help="RA of the fixed attitude")
    fixeddec: Real = parameter(0.0, unit="deg", minimum=-90.0, maximum=90.0, help="Dec of the fixed attitude")
    fixedposangle: Real = parameter(0.0, unit="deg", minimum=0.0, maximum=360.0, help="its position angle")
    refpointlabel: Text = parameter(
        "pnt", choices=("nom", "pnt", "user", "obj"), help="reference point: RA_NOM, pointing, nominalra, RA_OBJ"
    )
    nominalra: Real = parameter(0.0, unit="deg", minimum=0.0, maximum=360.0, help="RA of the user's reference point")
    nominaldec: Real = parameter(0.0, unit="deg", minimum=-90.0, maximum=90.0, help="Dec of that point")
    imagesize: Real = parameter(0.36, unit="deg", above=0.0, maximum=80.0, help="half size of the plane of X,Y")
    withatthkset: Switch = parameter(True, help="read the attitude from atthkset")
    atthkset: Dataset = parameter("atthk.dat", writes=False, help="attitude history made by atthkgen")
    withmedianpnt: Switch = parameter(True, help="RA_PNT, DEC_PNT, PA_PNT are medians, not means")
    calctlmax: Switch = parameter(False, help="make the plane as large as the events need, in place of imagesize")
