// SHA-256 (FIPS 180-4), because crypto.subtle is missing from pages that are opened from a disk.

// The first 32 bits of the fractional parts of a root of the first primes.
function rootFractions(count, root) {
  const found = [];
  for (let number = 2; found.length < count; number += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= number; divisor += 1) prime = prime && number % divisor !== 0;
    if (prime) found.push(Math.floor((root(number) % 1) * 2 ** 32) | 0);
  }
  return found;
}

const ROUNDS = rootFractions(64, Math.cbrt);
const START = rootFractions(8, Math.sqrt);

function rotate(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}

// Returns the message in whole blocks of 64 bytes: a one bit, zeros, and its length in bits at the end.
function padded(bytes) {
  const length = Math.ceil((bytes.length + 9) / 64) * 64;
  const message = new DataView(new ArrayBuffer(length));
  bytes.forEach((byte, place) => message.setUint8(place, byte));
  message.setUint8(bytes.length, 0x80);
  message.setUint32(length - 8, Math.floor(bytes.length / 2 ** 29));
  message.setUint32(length - 4, bytes.length << 3);
  return message;
}

function schedule(message, start) {
  const words = new Int32Array(64);
  for (let t = 0; t < 16; t += 1) words[t] = message.getInt32(start + 4 * t);
  for (let t = 16; t < 64; t += 1) {
    const early = rotate(words[t - 15], 7) ^ rotate(words[t - 15], 18) ^ (words[t - 15] >>> 3);
    const late = rotate(words[t - 2], 17) ^ rotate(words[t - 2], 19) ^ (words[t - 2] >>> 10);
    words[t] = words[t - 16] + early + words[t - 7] + late;
  }
  return words;
}

function compress(state, words) {
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t += 1) {
    const high = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + high + ((e & f) ^ (~e & g)) + ROUNDS[t] + words[t]) | 0;
    const low = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (low + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  return [a, b, c, d, e, f, g, h].map((word, place) => (word + state[place]) | 0);
}

// Returns the hexadecimal digest of a text in UTF-8.
function sha256(text) {
  const message = padded(new TextEncoder().encode(text));
  let state = START;
  for (let start = 0; start < message.byteLength; start += 64) state = compress(state, schedule(message, start));
  return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
