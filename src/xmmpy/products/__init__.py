"""What is written to disk: event lists, images, rate curves, GTIs, spectra as FITS. Knows no physics."""
