"""What emproc, epproc, emchain and epchain have in common: from the files of an ODF to calibrated event lists."""
