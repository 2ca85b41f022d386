"""Rate curves and ways to choose the flare cut."""
