"""How the field's code bases score: one frozen description per protocol (docs/methods/protocols.md).

A number means something only with its protocol: resizing, rounding, PSNR's peak and the background move MSE by several
levels squared and PSNR by tenths of a dB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args, get_origin, get_type_hints

from harmlib.errors import ParameterError, check_choice

METRICS = ("mse", "fmse", "psnr", "fpsnr", "ssim", "fssim", "lpips")
ERRORS = METRICS[:4]  # always scored: they cost next to nothing, while a map of SSIM or LPIPS at full size takes seconds and gigabytes
DEFAULT = "harmlib"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One way to turn a prediction, a real photograph and a mask into numbers.

    name, source: the preset's id, and whose code it follows.
    size: side of the square that is evaluated; None evaluates at the size of the files.
    library, resampling: "pillow" resizes with antialiasing, "opencv" without.
    mask: "binary" thresholds at 128 and resizes by nearest neighbor; "soft" resizes like a picture and keeps gray.
    network_input: the network sees a thumbnail of the picture as "evaluated", or of the "original".
    thumbnail: made by "plain" bilinear sampling for every method, or as each method's authors make it, its "own".
    rounding: of the prediction to 8 bits; jpeg: quality at which it is saved and read back, None for not at all.
    background: outside the mask show the "composite", the real "target" (in the network's input too), or "keep" the prediction, which a
    method without a mask always does.
    peak: of PSNR; mse_offset: added to MSE inside PSNR. Code bases without an offset print infinity for identical pictures; 1e-6
    stands in for it here.
    mse_region: "foreground" counts only errors in the mask, still divided by the whole picture's area.
    fmse_rule: as in ``functional.fmse``. ssim_range: "255", or max - min of each channel of the prediction.
    lpips_channels: order in which LPIPS sees the channels; lpips_backbone: VGG16 or AlexNet, whose features it compares.
    metrics: ERRORS, and what else its tables print; the others of METRICS are not computed, and their columns stay empty.
    Raises ParameterError for an unknown choice or metric.
    """

    name: str
    source: str
    size: int | None = 256
    library: Literal["pillow", "opencv"] = "pillow"
    resampling: Literal["bicubic", "bilinear"] = "bicubic"
    mask: Literal["binary", "soft"] = "binary"
    network_input: Literal["evaluated", "original"] = "evaluated"
    thumbnail: Literal["plain", "own"] = "plain"
    rounding: Literal["round", "truncate", "none"] = "round"
    jpeg: int | None = None
    background: Literal["composite", "target", "keep"] = "composite"
    peak: Literal["255", "prediction_range", "target_max"] = "255"
    mse_offset: float = 1e-6
    mse_region: Literal["picture", "foreground"] = "picture"
    fmse_rule: Literal["error", "pictures"] = "error"
    ssim_range: Literal["255", "prediction_range"] = "255"
    lpips_channels: Literal["rgb", "bgr"] = "rgb"
    lpips_backbone: Literal["vgg", "alex"] = "vgg"
    metrics: tuple[str, ...] = METRICS

    def __post_init__(self) -> None:
        """Reject a choice that does not exist."""
        for field, hint in get_type_hints(Protocol).items():
            if get_origin(hint) is Literal:
                check_choice(f'protocol "{self.name}": {field}', getattr(self, field), get_args(hint))
        if not set(ERRORS) <= set(self.metrics) <= set(METRICS):
            raise ParameterError(f'protocol "{self.name}": metrics are {", ".join(ERRORS)}, and as many of the others as it prints')


_HARMLIB = Protocol(name=DEFAULT, source="default protocol of this repository")
_DOVENET = Protocol(
    name="dovenet",
    source="iHarmony4's authors, DoveNet and BargainNet: sample evaluation on 8-bit files",
    rounding="truncate",
    background="keep",
    peak="prediction_range",
    fmse_rule="pictures",
)
_IDIH = Protocol(
    name="idih",
    source="iDIH and iSSAM: evaluation script",
    library="opencv",
    resampling="bilinear",
    mask="soft",
    rounding="none",
    background="keep",
    peak="target_max",
)
_HARMONIZER = Protocol(
    name="harmonizer_256",
    source="Harmonizer, table 1: the network sees a thumbnail without antialiasing, the filters run on one with it",
    resampling="bilinear",
    network_input="original",
    rounding="none",
    peak="prediction_range",
    fmse_rule="pictures",
    metrics=ERRORS,
)

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        _HARMLIB,
        _DOVENET,
        replace(_DOVENET, name="dih_tf", source="DIH in TensorFlow, by iHarmony4's authors: float, clipped", rounding="none"),
        replace(_DOVENET, name="adfm", source="ADFM: raw float output, no pasting", rounding="none"),
        replace(
            _DOVENET,
            name="iih",
            source="IIH and Harmony Transformer: pasted, truncated, saved as JPEG of quality 100 and read back",
            resampling="bilinear",
            background="composite",
            jpeg=100,
            peak="255",
        ),
        _IDIH,
        replace(
            _IDIH,
            name="pctnet",
            source="PCT-Net: at the size of the files, MSE counts errors in the mask only",
            size=None,
            network_input="original",
            background="composite",
            peak="255",
            mse_region="foreground",
            metrics=METRICS[:-1],
        ),
        replace(
            _DOVENET,
            name="rainnet",
            source="RainNet: the composite gets the real photograph's background first, the result keeps it",
            resampling="bilinear",
            background="target",
            peak="255",
        ),
        _HARMONIZER,
        replace(_HARMONIZER, name="harmonizer_full", source="Harmonizer, table 2: at the size of the files", size=None),
        Protocol(
            name="sgmmh",
            source="Sg-MMH: 8-bit panels of 256x256, no mask and no pasting",
            library="opencv",
            resampling="bilinear",
            mask="soft",
            rounding="truncate",
            background="keep",
            mse_offset=1e-9,
            ssim_range="prediction_range",
            lpips_channels="bgr",
        ),
        replace(
            _HARMLIB,
            name="perceptual",
            source="no-reference paper, section 3.5: the whole raw picture, clipped but not rounded; the LPIPS package's default network",
            rounding="none",
            background="keep",
            lpips_backbone="alex",
        ),
    )
}


def get_protocol(protocol: str | Protocol = DEFAULT) -> Protocol:
    """Return the preset of that name (a Protocol is handed through); raises ParameterError for an unknown name.

    >>> protocol = get_protocol("harmlib")
    >>> protocol.size, protocol.mask, protocol.background
    (256, 'binary', 'composite')
    """
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise ParameterError(f'protocol "{protocol}" is unknown: choose one of {", ".join(PROTOCOLS)}')
    return PROTOCOLS[protocol]
