"""Network laboratories: namespaces with real peers around a real isthmusd, on one machine, as root."""

from .core import Lab
from .wait import Late, Stopwatch, wait_for

__all__ = ["Lab", "Late", "Stopwatch", "wait_for"]
