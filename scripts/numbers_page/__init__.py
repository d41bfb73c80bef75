"""The page of the paper's published numbers beside ours, and that of what means over seeds hide."""
