"""Examples that `xmmpy COMMAND --help` ends with."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "reduce": (
        "xmmpy reduce 0123456789                       # a folder with an ODF, an archive, or event lists",
        "xmmpy reduce 0123456789 --flare-cut ask       # see each curve and choose the limit",
        "xmmpy reduce 0123456789 --flare-cut mos1=0.35,mos2=0.35,pn=0.4 --cameras mos1,mos2,pn",
    ),
    "task": (
        "xmmpy task evselect -h",
        "xmmpy task evselect table=mos1.fits imageset=image.fits xcolumn=X ycolumn=Y expression='(PI>500)'",
    ),
    "tasks": ("xmmpy tasks",),
    "batch": (
        "xmmpy batch lines.txt                         # lines such as: evselect table=mos1.fits rateset=rate.fits",
        "xmmpy script 0123456789 | xmmpy batch -",
    ),
    "sources": (
        "xmmpy sources work/coords/all_emllist.fits --min-det-ml 10 --sort EP_8_FLUX --descending -n 20",
        "xmmpy sources work/coords/all_emllist.fits -o sources.vot --select 'EP_HR2>0 && EP_EXTENT==0'",
    ),
    "info": ("xmmpy info work/mos1_clean.fits",),
    "sas-env": (
        'eval "$(xmmpy sas-env)"                       # then: evselect table=...',
        "xmmpy sas-env --dir ~/sas",
    ),
    "status": ("xmmpy status 0123456789",),
    "explain": ("xmmpy explain 0123456789/work/mosaic.ds",),
    "redo": ("xmmpy redo pn/cut 0123456789",),
    "script": ("xmmpy script 0123456789 > lines.sh",),
    "simulate": (
        "xmmpy simulate odf demo --exposure 10000 --seed 1",
        "xmmpy simulate events demo --sources table.csv --cameras mos1,pn",
    ),
    "completion": (
        'eval "$(xmmpy completion bash)"               # in ~/.bashrc; zsh and fish alike',
        "xmmpy completion fish | source",
    ),
}
"""By command."""


def text_of(command: str) -> str:
    """The lines under the help of a command."""
    lines = EXAMPLES.get(command, ())
    return "\n".join(["Examples:", *(f"  {line}" for line in lines), ""]) if lines else ""
