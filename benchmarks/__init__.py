"""Speed and quality, measured and printed; nothing here asserts."""
