"""PTC-att-DIH: what a detector's encoder sees weighs the code of DIH; no mask is made (no-reference paper, equation 3).

Symbols of equation 3: a_ptc bottleneck of the detector, a_dih deepest features of DIH's encoder, a_joint the code for DIH's decoder.
"""

from __future__ import annotations

from torch import Tensor, nn

from harmlib.errors import ParameterError
from harmlib.models.layers.blocks import initialize
from harmlib.models.layers.dih import CODE_SIDE, DihNet
from harmlib.models.ptc_dih import Fusion
from harmlib.models.registry import register


class JointAttention(nn.Module):
    """a_joint = fc3(softmax(fc1(a_ptc)) * fc2(a_dih)), each fc with as many outputs, ``units`` (equation 3).

    Paper: a dot, with fc3 behind it, which takes a vector. Here: the product unit by unit, softmax over the units.
    The weights of n units are 1/n in the mean, and so is the product; ``scale`` multiplies it.
    """

    def __init__(self, ptc_values: int, dih_values: int, units: int, *, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.fc1 = nn.Linear(ptc_values, units)
        self.fc2 = nn.Linear(dih_values, units)
        self.fc3 = nn.Linear(units, units)
        initialize(self, magnitude=1.0)  # the paper is silent; Keras's default scale

    def forward(self, a_ptc: Tensor, a_dih: Tensor) -> Tensor:
        """Return a_joint, (B, units), of a_ptc, (B, ptc_values), and a_dih, (B, dih_values)."""
        attention = self.fc1(a_ptc).softmax(1)  # (B, units)
        return self.fc3(self.scale * attention * self.fc2(a_dih))


@register("ptc_att_dih", paper="perceptual", reference="Dolhasz et al. 2022", needs_mask=False)
class PtcAttDih(Fusion):
    """PTC-att-DIH: a detector's features weigh the code of DIH, one network trained end to end.

    The skips of DIH stay.
    width: of DIH and the attention; residual: as in ``dih_m``; detector_width, detector_size: those of the ``ptc`` whose encoder is taken
    over; no detector_width: the same as width. attention_scale: factor on the product of equation 3; 512 makes up for the softmax over 512
    units.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        residual: bool = False,
        detector_width: float | None = None,
        detector_size: int = 224,
        attention_scale: float = 1.0,
    ) -> None:
        if not attention_scale > 0:
            raise ParameterError(f"attention_scale is {attention_scale}, expected a factor above 0, such as 1 or 512")
        super().__init__(width if detector_width is None else detector_width, detector_size)
        self.harmonizer = DihNet(3, code=None, width=width, norm="batch", residual=residual)
        self.working_size = self.harmonizer.size
        dih_values = self.harmonizer.channels[-1] * CODE_SIDE**2
        self.attention = JointAttention(self.encoder.code_size, dih_values, self.harmonizer.code_channels, scale=attention_scale)

    def restore(self, composite: Tensor, mask: Tensor | None) -> Tensor:
        """Return the picture (B, 3, 256, 256) in [-1, 1], not clamped. A given mask is ignored."""
        inputs = self.scale.encode(composite)
        features = self.harmonizer.encode(inputs)
        a_joint = self.attention(self.bottleneck(composite).flatten(1), features[-1].flatten(1))
        restored = self.harmonizer.decode(a_joint[..., None, None], features)
        return restored + inputs if self.harmonizer.residual else restored
