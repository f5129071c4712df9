"""Types of pixel arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # an image, H x W x 3 (sRGB) or H x W x 4
Array = NDArray[np.floating[Any]]  # floats, usually 0 to 1, H x W or H x W x channels
