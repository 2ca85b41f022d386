"""The selection language against selections that SAS made."""

import numpy as np
import pytest
from astropy.io import fits

from xmmpy.selection import RegionTable, TableSchema, compile_selection, parse, resolve

LISTS = [
    "esas/0203930101/mos1S001-corevc.fits.gz",
    "esas/0203930101/mos1S001-corn.fits.gz",
    "pn-list/0932190801/0932190801_PN1_src.evt.gz",
    "sas-products/0201901401/mos1_exp1_clean_evts.fits.gz",
    "sas-products/0201901401/mos2_exp1_clean_evts.fits.gz",
]


class AllTimes:
    """The GTI files of these lists are not at hand; their events are inside by construction."""

    def gti(self, block):
        return np.array([-1e12]), np.array([1e12])


def columns_of(table):
    read = {name: np.asarray(table.data[name]) for name in table.columns.names}
    return {name: values.astype(values.dtype.newbyteorder("=")) for name, values in read.items() if values.ndim == 1}


@pytest.mark.parametrize("name", LISTS)
def test_all_events_of_a_filtered_list_pass_the_expression_that_made_it(real_data, name):
    with fits.open(real_data / name) as file:
        events = file["EVENTS"]
        columns = columns_of(events)
        # Some versions of SAS repeat an ampersand at the end of a continued card inside the keyword.
        text = events.header["SLCTEXPR"].replace("15&&00", "1500")
        schema = TableSchema({column: values.dtype for column, values in columns.items()})
        selection = compile_selection(resolve(parse(text), dict(events.header)), schema, AllTimes())
        assert len(events.data) > 100
        assert selection(columns).all()
        for hdu in file:
            if hdu.name.startswith("REG"):
                pair = tuple(hdu.header["MFORM1"].split(","))
                table = RegionTable.from_columns({c: hdu.data[c] for c in hdu.columns.names}, pair)
                assert table.contains(columns[pair[0]], columns[pair[1]]).all()
                assert not table.contains(np.array([-2200.0]), np.array([-1100.0])).any()


def test_bit_operators_bind_tighter_than_comparisons_in_sas(real_data):
    name = "pn-detector/0085110101_image_500_2000_51.2ks.fits.gz"
    with fits.open(real_data / name) as file:
        image, header = file[0].data, file[0].header
    assert "FLAG & 0x10000 != 0" in header["SLCTEXPR"]
    # Bit 16 marks events outside the field of view: SAS let them through, so it read (FLAG & 0x10000) != 0.
    x = (np.arange(image.shape[1]) + 1 - header["CRPIX1L"]) * header["CDELT1L"] + header["CRVAL1L"]
    y = (np.arange(image.shape[0]) + 1 - header["CRPIX2L"]) * header["CDELT2L"] + header["CRVAL2L"]
    outside = np.hypot(x[None, :] + 2200, y[:, None] + 1110) > 18500
    assert image[outside].sum() > 1000
    flags = np.array([0x10000, 1, 0], dtype=np.int32)
    selection = compile_selection(parse("FLAG & 0x10000 != 0"), TableSchema({"FLAG": flags.dtype}))
    assert selection({"FLAG": flags}).tolist() == [True, False, False]
