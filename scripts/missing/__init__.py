"""Train seeds for the published numbers that no run can be compared with yet, in a fixed time."""
