// The six filters, pixel for pixel as harmlib.filters.fused computes them: 32-bit numbers, in the same order of operations,
// because contrast, saturation and the powers magnify rounding so much that another order would be seen.

const f32 = Math.fround;
const EPSILON = f32(1e-6);
const POWER_EPSILON = f32(1e-9);
const LEVELS = 256;
// Powers of bases above the first entry's place are looked up, with an error below 1e-6; below it they are too steep.
const POWER_STEPS = 8192;
const STEEP = 1 / 64;

function clip(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

// Returns a function base -> base ** exponent, base in [0, 1].
function makePower(exponent) {
  if (exponent === 1) return (base) => base;
  const table = Float64Array.from({ length: POWER_STEPS + 2 }, (_, place) => (place / POWER_STEPS) ** exponent);
  return (base) => {
    if (base < STEEP) return f32(base ** exponent);
    const place = base * POWER_STEPS;
    const below = Math.floor(place);
    return f32(table[below] + (place - below) * (table[below + 1] - table[below]));
  };
}

// Returns the gains that move the channel means by a shift and keep each channel's share of gray.
function grayWorld(means, shift) {
  const mean = means.map(f32);
  const moved = mean.map((value, channel) => f32(value + f32(shift[channel])));
  const average = (values) => f32(f32(f32(values[0] + values[1]) + values[2]) / 3);
  const [gray, movedGray] = [average(mean), average(moved)];
  return mean.map((value, channel) => {
    const now = f32(movedGray / f32(moved[channel] + EPSILON));
    return f32(f32(now + 1) - f32(gray / f32(value + EPSILON)));
  });
}

class Filters {
  // pixels: RGBA bytes of the whole picture; mask: one byte per pixel, 255 = filtered.
  constructor(pixels, mask) {
    this.pixels = pixels;
    this.count = mask.length;
    this.places = Uint32Array.from(mask.keys()).filter((place) => mask[place] > 0);
    this.weights = Float32Array.from(this.places, (place) => mask[place] / 255);
    this.counts = new Float64Array(3 * LEVELS);
    for (let place = 0; place < pixels.length; place += 1) {
      if (place % 4 < 3) this.counts[(place % 4) * LEVELS + pixels[place]] += 1;
    }
  }

  // Writes the filtered picture over ``out``, RGBA bytes. settings: six numbers in [-1, 1], in the order of the filters.
  restore(settings, out) {
    const [temperature, brightness, contrast, saturation, highlight, shadow] = settings.map(f32);
    const tables = this.adjustAll(temperature, brightness, contrast);
    const [bright, dark] = [makePower(f32(1 + highlight)), makePower(f32(1 - shadow))];
    const color = new Float32Array(3);
    out.set(this.pixels);
    for (let k = 0; k < this.places.length; k += 1) {
      const start = 4 * this.places[k];
      for (let c = 0; c < 3; c += 1) color[c] = tables[c * LEVELS + this.pixels[start + c]];
      saturate(color, saturation);
      for (let c = 0; c < 3; c += 1) {
        const lifted = f32(1 - bright(f32(f32(1 - color[c]) + POWER_EPSILON)));
        const level = 255 * dark(f32(lifted + POWER_EPSILON));
        out[start + c] = this.weights[k] * level + (1 - this.weights[k]) * this.pixels[start + c];
      }
    }
  }

  // Returns what each level of each channel becomes by the filters that need statistics of the whole picture.
  adjustAll(temperature, brightness, contrast) {
    const tables = Float32Array.from({ length: 3 * LEVELS }, (_, place) => f32(place % LEVELS) / 255);
    const shift = [Math.max(-temperature, 0), Math.abs(temperature) / 2, Math.max(temperature, 0)];
    this.adjust(tables, grayWorld(this.means(tables), shift), 0, 0);
    const alpha = brightness >= 0 ? f32(1 / f32(f32(1 - brightness) + EPSILON)) : f32(1 + brightness);
    this.adjust(tables, [alpha, alpha, alpha], 0, 0);
    const steps = f32(LEVELS - Math.floor(f32((LEVELS - 1) * contrast)));
    const stretch = contrast <= 0 ? contrast : f32(f32((LEVELS - 1) / steps) - 1);
    const means = this.means(tables);
    this.adjust(tables, [1, 1, 1], f32((means[0] + means[1] + means[2]) / 3), stretch);
    return tables;
  }

  adjust(tables, gains, center, stretch) {
    for (let place = 0; place < tables.length; place += 1) {
      const value = f32(tables[place] * gains[Math.floor(place / LEVELS)]);
      tables[place] = clip(f32(value + f32(f32(value - center) * stretch)));
    }
  }

  // Returns the channel means of the whole picture after the filters so far.
  means(tables) {
    return [0, 1, 2].map((channel) => {
      let total = 0;
      for (let place = channel * LEVELS; place < (channel + 1) * LEVELS; place += 1) total += tables[place] * this.counts[place];
      return total / this.count;
    });
  }
}

function saturate(color, x) {
  const high = Math.max(color[0], color[1], color[2]);
  const low = Math.min(color[0], color[1], color[2]);
  const lightness = f32(f32(high + low) * 0.5);
  const spread = lightness < 0.5 ? f32(high + low) : f32(f32(2 - high) - low);
  const s = f32(f32(high - low) / f32(spread + EPSILON));
  const a = f32(x + s) > 1 ? s : f32(1 - x);
  const gain = x >= 0 ? f32(1 / f32(a + EPSILON)) : f32(1 + x);
  for (let c = 0; c < 3; c += 1) color[c] = clip(f32(lightness + f32(f32(color[c] - lightness) * gain)));
}
