"""Geometry: which part of a photo the model saw, and where a patch lies on the photo and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from store.vocabulary import Fit


@dataclass(frozen=True)
class Box:
    """A rectangle on a photo as fractions of its width and height, each in [0, 1]."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Right less left, in (0, 1]."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Bottom less top, in (0, 1]."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Window:
    """The model's input window and how photos are fitted to it."""

    height_px: int
    width_px: int
    fit: Fit = Fit.CROP
    crop_ratio: float = 1.0  # share of the resized photo's covering window that is kept, for Fit.CROP

    def seen(self, width: int, height: int) -> Box:
        """The part of a ``width`` x ``height`` photo that the model sees, as fractions of the photo."""
        if self.fit is Fit.SQUASH:
            return Box(0.0, 0.0, 1.0, 1.0)
        scale = max(self.width_px / width, self.height_px / height)
        if self.fit is Fit.CROP:
            scale /= self.crop_ratio
        x, y = self.width_px / (width * scale), self.height_px / (height * scale)
        return Box((1 - x) / 2, (1 - y) / 2, (1 + x) / 2, (1 + y) / 2)


def seen_by_all(windows: Sequence[Window], *, width: int, height: int) -> Box:
    """The part of a photo that every window shows; windows are centred, so there always is one."""
    boxes = [window.seen(width, height) for window in windows]
    return Box(
        max(box.left for box in boxes),
        max(box.top for box in boxes),
        min(box.right for box in boxes),
        min(box.bottom for box in boxes),
    )


@dataclass(frozen=True)
class Grid:
    """An arrangement of ``rows`` x ``cols`` patches that tile the seen part of a photo."""

    rows: int
    cols: int

    @property
    def n_patches(self) -> int:
        """Rows times columns."""
        return self.rows * self.cols

    def patch_box(self, row: int, col: int, *, seen: Box) -> Box:
        """Where patch (row, col) lies on the photo."""
        return Box(
            seen.left + seen.width * col / self.cols,
            seen.top + seen.height * row / self.rows,
            seen.left + seen.width * (col + 1) / self.cols,
            seen.top + seen.height * (row + 1) / self.rows,
        )

    def patch_at(self, x: float, y: float, *, seen: Box) -> tuple[int, int] | None:
        """The patch that holds the photo's point (x, y), given as fractions; None outside the seen part."""
        u, v = (x - seen.left) / seen.width, (y - seen.top) / seen.height
        if not (0 <= u < 1 and 0 <= v < 1):
            return None
        return int(v * self.rows), int(u * self.cols)
