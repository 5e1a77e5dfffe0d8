"""What a file is, by its content alone. Needs Pillow; no database, no network."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 80_000_000
_PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "AVIF": "image/avif"}
_NEAR_WHITE = 245  # of 255, in each channel
_EDGE = 64  # the picture is judged at this size


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """`border` in permille of the edge's pixels; `dhash` 64 bits; both None for what is no picture."""

    content_type: str
    extension: str
    width: int | None = None
    height: int | None = None
    mode: str = ""
    animated: bool = False
    border: int | None = None
    dhash: int | None = None


def analyse(content: bytes, name: str = "") -> FileFacts:
    """What a file is. Its name and what a server said of it do not count.

    Raises:
        Invalid: empty, too large, damaged, more pixels than 80 million, or none of JPEG, PNG, GIF, WebP, AVIF, PDF, MP4.
    """
    shown = shorten(name or "the file", 60)
    if not content:
        raise Invalid(f"{shown} is empty", field="file", value=shown)
    if len(content) > MAX_BYTES:
        raise Invalid(
            f"{shown} has {len(content):,} bytes, at most {MAX_BYTES:,} are possible", field="file", value=len(content)
        )
    if content.startswith(b"%PDF-"):
        return FileFacts(content_type="application/pdf", extension="pdf")
    if content[4:8] == b"ftyp" and content[8:12] not in (b"avif", b"avis"):
        return FileFacts(content_type="video/mp4", extension="mp4")
    picture = open_picture(content, shown)
    kind = str(picture.format)
    upright = ImageOps.exif_transpose(picture)
    small = flat(upright).convert("RGB").resize((_EDGE, _EDGE), Image.Resampling.BILINEAR)
    return FileFacts(
        content_type=_PICTURES[kind], extension="jpg" if kind == "JPEG" else kind.lower(), width=upright.width,
        height=upright.height, mode=picture.mode, animated=bool(getattr(picture, "is_animated", False)),
        border=_white_border(small), dhash=dhash(small),
    )  # fmt: skip


def open_picture(content: bytes, shown: str) -> Image.Image:
    """The picture, decoded.

    Raises:
        Invalid: it is none of the kinds known, damaged, or a decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=tuple(_PICTURES))
            if picture.width * picture.height > MAX_PIXELS:
                raise Invalid(
                    f"{shown} has {picture.width:,} × {picture.height:,} pixels, more than {MAX_PIXELS:,}",
                    field="file", value=shown, fix="make it smaller",
                )  # fmt: skip
            picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Invalid(f"{shown} has too many pixels", field="file", value=shown, fix="make it smaller") from error
    except UnidentifiedImageError as error:
        raise Invalid(
            f"{shown} is no picture of a known kind", field="file", value=shown,
            fix="use JPEG, PNG, GIF, WebP or AVIF (or PDF, MP4)",
        ) from error  # fmt: skip
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError, TypeError, ArithmeticError) as error:
        # Pillow's decoders report damage in all of these ways.
        raise Invalid(
            f"{shown} is damaged and cannot be read", field="file", value=shown, fix="export it again"
        ) from error
    return picture


def flat(picture: Image.Image) -> Image.Image:
    """The picture on white, without transparency: what a shop page shows."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return picture


def _white_border(small: Image.Image) -> int:
    width, height = small.size
    ring = [small.getpixel((x, y)) for x in range(width) for y in (0, height - 1)]
    ring += [small.getpixel((x, y)) for y in range(1, height - 1) for x in (0, width - 1)]
    white = sum(1 for pixel in ring if isinstance(pixel, tuple) and min(pixel) >= _NEAR_WHITE)
    return white * 1000 // len(ring)


def dhash(picture: Image.Image) -> int:
    """64 bits that stay nearly the same when a picture is scaled or saved again: whether each of 8 × 8 spots is darker
    than its right neighbour."""
    grey = picture.convert("L").resize((9, 8), Image.Resampling.BILINEAR)
    bits = 0
    for y in range(8):
        for x in range(8):
            left, right = grey.getpixel((x, y)), grey.getpixel((x + 1, y))
            bits = bits << 1 | int(left < right)  # type: ignore[operator]  # numbers in mode L
    return bits


def derivative(content: bytes, longest: int) -> tuple[bytes, str]:
    """A picture at most `longest` pixels long and wide, upright, without any metadata: JPEG, or PNG where it is
    transparent. Never enlarged.

    Raises:
        Invalid: as for `open_picture`.
    """
    picture = ImageOps.exif_transpose(open_picture(content, "the picture"))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture.convert("RGBA").save(out, "PNG", optimize=True)
        return out.getvalue(), "png"
    picture.convert("RGB").save(out, "JPEG", quality=88, optimize=True, progressive=True)
    return out.getvalue(), "jpg"
