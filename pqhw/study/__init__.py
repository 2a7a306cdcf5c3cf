"""Studies: many settings of one network trained, and their accuracy beside their cost."""
