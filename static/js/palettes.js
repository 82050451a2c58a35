// Colour maps as evenly spaced stops, dark to bright, and the tables that an SVG colour-transfer filter takes.

const MAPS = {
  viridis: ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"],
  magma: ["000004", "180f3d", "440f76", "721f81", "9e2f7f", "cd4071", "f1605d", "fd9668", "feca8d", "fcfdbf"],
  cividis: ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838"],
  signal: ["ff5a2a", "ff5a2a"],
};
const GAMMA = 0.6; // heat to the power of this, so that weak heat can be told from none
const HUES = 24;
const STEPS = 64;
const CONTOURS = 3;

/** Names of the colour maps. */
export const names = Object.keys(MAPS);

/** A map's stops as CSS colours. */
export const stops = (name) => (MAPS[name] ?? MAPS.viridis).map((hex) => `#${hex}`);

const channels = new Map();

/** One channel of a map (0 red, 1 green, 2 blue) as a transfer table. */
export function channel(name, which) {
  const key = `${name} ${which}`;
  if (!channels.has(key)) channels.set(key, makeChannel(name, which));
  return channels.get(key);
}

function makeChannel(name, which) {
  const hues = (MAPS[name] ?? MAPS.viridis).map((hex) => parseInt(hex.slice(2 * which, 2 * which + 2), 16) / 255);
  return Array.from({ length: HUES + 1 }, (_, step) => {
    const place = (step / HUES) ** GAMMA * (hues.length - 1);
    const low = Math.min(Math.floor(place), hues.length - 2);
    return (hues[low] + (place - low) * (hues[low + 1] - hues[low])).toFixed(3);
  }).join(" ");
}

/** Opacity by heat: nothing below the threshold, quickly up to full above it. All arguments in [0, 1]. */
export function tintAlpha(opacity, threshold) {
  return table((heat) => (heat <= 0 || heat < threshold ? 0 : opacity * Math.min(1, 1.2 * heat ** GAMMA)));
}

/** Opacity of the dark cover by heat: dense where nothing fires, clear where it does. */
export function coverAlpha(opacity, threshold) {
  return table((heat) => (heat < threshold ? opacity : opacity * (1 - Math.min(1, 1.5 * heat ** GAMMA))));
}

/** Heat cut into levels for contour lines: the lowest line lies at the threshold, or low when there is none. */
export function contourLevels(threshold) {
  const low = threshold || 0.15;
  return table((heat) => {
    const level = heat < low ? 0 : Math.min(CONTOURS, 1 + Math.floor(((heat - low) / (1 - low)) * CONTOURS));
    return level / CONTOURS;
  });
}

/** Opacity of contour lines: any difference between neighbours is a line. */
export const lineAlpha = (opacity) => `0 ${Array(15).fill(opacity.toFixed(3)).join(" ")}`;

function table(alpha) {
  return Array.from({ length: STEPS + 1 }, (_, step) => alpha(step / STEPS).toFixed(3)).join(" ");
}
