"""What the tasks of source detection have in common: images, maps and masks read as one field, rows of source lists."""
