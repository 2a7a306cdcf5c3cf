"""Programs of overlay accelerators: steps, memories, jobs."""

from .compiler import compile_program

__all__ = ["compile_program"]
