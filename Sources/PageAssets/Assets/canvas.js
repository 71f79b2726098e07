// Canvases: the part of a large picture that is in sight, in the theme's colours.

/** Sizes a canvas in CSS pixels at the screen's resolution; gives its context, cleared. */
function canvasContext(canvas, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** A colour of the style sheet by its name, as [r, g, b]. */
function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const digits = /^#([0-9a-f]{6})$/i.exec(text)?.[1] ?? "808080";
  return [0, 2, 4].map((i) => parseInt(digits.slice(i, i + 2), 16));
}

const rgb = ([r, g, b]) => `rgb(${r},${g},${b})`;

function blend(a, b, t) {
  return a.map((v, i) => Math.round(v + (b[i] - v) * t));
}

/** Relative luminance of WCAG 2.2. */
function luminance(channels) {
  const [r, g, b] = channels.map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever is read better on a colour. */
function inkOn(channels) {
  return luminance(channels) > 0.18 ? "#000000" : "#ffffff";
}

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Paints now, at changes of the element's size, and when the theme changes. */
function painted(element, paint) {
  let frame = 0;
  const soon = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => element.isConnected && paint());
  };
  new ResizeObserver(soon).observe(element);
  DARK.addEventListener("change", soon, { signal: pageLife.signal });
  return soon;
}

/**
 * The colours of a rollout accuracy: two hues that part at the gate's line, each the stronger the farther
 * from it; without a gate one hue.
 */
function accuracyScale(gamma) {
  const low = [colour("below-near"), colour("below-far")];
  const high = [colour("above-near"), colour("above-far")];
  return (accuracy) => {
    if (gamma === null || gamma === undefined) return blend(high[0], high[1], accuracy);
    if (accuracy <= gamma) return blend(low[0], low[1], gamma > 0 ? 1 - accuracy / gamma : 1);
    return blend(high[0], high[1], gamma < 1 ? (accuracy - gamma) / (1 - gamma) : 1);
  };
}
