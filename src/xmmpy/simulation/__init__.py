"""A sky, the telescopes and cameras, and what they would have sent down."""
