"""Images changed a little at random, so that a network learns what does not matter."""

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Augmentation"]

CROP_SHARE = 8
"""A crop moves an image by up to an eighth of its smaller side: 4 pixels at 32x32."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of images, each image on its own.

    Parameters
    ----------
    crop: pixels by which an image moves at most, up, down and sideways; what comes in is 0. An
        eighth of the smaller side where left out, 0 for none
    flip: every other image mirrored left to right; not for characters, which mirroring changes
    jitter: share by which brightness, contrast and each channel change at most; 0 for none
    erase: share of images of which a rectangle, up to a quarter of the area, becomes the image's
        mean; 0 for none

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: crop and flip, K. He et al., Deep Residual Learning, CVPR 2016, section 4.2;
    erase, Z. Zhong et al., Random Erasing Data Augmentation, AAAI 2020.
    """
    crop: int | None = None
    flip: bool = False
    jitter: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        if self.crop is not None and (not isinstance(self.crop, int) or self.crop < 0):
            raise ValueError(f"Augmentation.crop must be a number of pixels, 0 or more, "
                             f"but is {self.crop}.")
        if not 0 <= self.jitter < 1:
            raise ValueError(f"Augmentation.jitter must be from 0 to below 1, "
                             f"but is {self.jitter}.")
        if not 0 <= self.erase <= 1:
            raise ValueError(f"Augmentation.erase must be from 0 to 1, but is {self.erase}.")

    def __call__(self, images: Tensor, generator: torch.Generator, top: float = 255) -> Tensor:
        """Changed images [R, H, W, C] of images of the same shape, as real numbers.

        Parameters
        ----------
        generator: of the CPU, wherever the images are, so that every device sees equal changes
        top: largest value of a pixel; nothing leaves 0 … top
        """
        pixels = images.to(torch.float32)
        moves = min(images.shape[1:3]) // CROP_SHARE if self.crop is None else self.crop
        if moves:
            pixels = _cropped(pixels, moves, generator)
        if self.flip:
            mirrored = _draw(len(pixels), generator, pixels) < 0.5
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(2), pixels)
        if self.jitter:
            pixels = _jittered(pixels, self.jitter, generator).clamp(0, top)
        if self.erase:
            pixels = _erased(pixels, self.erase, generator)
        return pixels


def _draw(shape: int | tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Numbers from 0 to 1 on the device of another tensor."""
    return torch.rand(shape, generator=generator).to(like.device)


def _cropped(pixels: Tensor, moves: int, generator: torch.Generator) -> Tensor:
    count, height, width, _ = pixels.shape
    padded = functional.pad(pixels, (0, 0, moves, moves, moves, moves))
    starts = torch.randint(0, 2 * moves + 1, (2, count, 1), generator=generator).to(pixels.device)
    rows = starts[0] + torch.arange(height, device=pixels.device)
    columns = starts[1] + torch.arange(width, device=pixels.device)
    image = torch.arange(count, device=pixels.device)
    return padded[image[:, None, None], rows[:, :, None], columns[:, None, :]]


def _jittered(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Contrast around the image's mean, then channels and brightness as one factor each."""
    channels = pixels.shape[3]
    factors = 1 + share * (2 * _draw((len(pixels), 1, 1, 2 + channels), generator, pixels) - 1)
    means = pixels.mean((1, 2, 3), keepdim=True)
    pixels = means + (pixels - means) * factors[..., :1]
    return pixels * factors[..., 1:2] * (factors[..., 2:] if channels > 1 else 1)


def _erased(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Rectangles whose sides are half the image's at most, anywhere within it."""
    drawn = _draw((5, len(pixels)), generator, pixels)
    inside = (drawn[0] < share)[:, None, None]
    for axis, (length, start) in enumerate(((drawn[1], drawn[2]), (drawn[3], drawn[4])), start=1):
        size = pixels.shape[axis]
        taken = (length * (size // 2 + 1)).floor()
        first = (start * (size - taken + 1)).floor()
        place = torch.arange(size, device=pixels.device)
        along = (place >= first[:, None]) & (place < (first + taken)[:, None])
        inside = inside & (along[:, :, None] if axis == 1 else along[:, None, :])
    means = pixels.mean((1, 2), keepdim=True)
    return torch.where(inside[..., None], means, pixels)
