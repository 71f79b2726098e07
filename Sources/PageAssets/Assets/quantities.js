// What tokens can be coloured by, and the scales of it.

/**
 * The parts of the estimator. `part` (or `read(trajectory, i)`) gives the number of token i, `scaled` its
 * place on the scale, `shown` a place as it is printed. Kinds: mask (kept or not), diverging (about 0),
 * sequential (from its smallest).
 */
const PARTS = {
  weight: { title: "weight", kind: "diverging", part: "weight" },
  advantage: { title: "advantage Â", kind: "diverging", part: "advantage" },
  mask: { title: "mask 𝟙_stable", kind: "mask", part: "mask" },
  reference: { title: "reference denominator 1/π_ref", kind: "sequential", part: "log_reference",
    scaled: (x) => -x, shown: (x) => real(Math.exp(x)), note: "logarithmic" },
  ratio: { title: "likelihood ratio π_θ/π_ref", kind: "diverging", part: "ratio",
    scaled: (x) => Math.log(x), shown: (x) => real(Math.exp(x)), note: "logarithmic, about 1" },
  shape: { title: "shape", kind: "diverging", part: "shape",
    scaled: (x) => x - 1, shown: (x) => real(x + 1), note: "about 1" },
  norm: { title: "norm", kind: "sequential", part: "norm" },
  added: { title: "added", kind: "diverging", part: "added" },
};

/** One value of a column, which may be a single value for all tokens. */
function entry(column, i) {
  return number(Array.isArray(column) ? column[i] : column);
}

/** All that a group's tokens can be coloured by, by name. */
function quantitiesOf(trajectories) {
  const all = { ...PARTS };
  const recorded = new Set(trajectories.flatMap((r) => Object.keys(r.tokens?.quantities ?? {})));
  if (trajectories.some((r) => r.tokens?.log_probability))
    all.log_probability = { title: "rollout log-probability log π", kind: "sequential", note: "nats",
      read: (r, i) => entry(r.tokens?.log_probability, i), scaled: (x) => -x, shown: (x) => real(-x) };
  for (const name of [...recorded].sort())
    all[`recorded:${name}`] = { title: name.replaceAll("_", " "), kind: "sequential", recorded: true,
      read: (r, i) => entry(r.tokens?.quantities?.[name], i) };
  return all;
}

/** The number of a token under an algorithm, on the scale; null where there is none. */
function scaledValue(quantity, r, algorithm, i) {
  const x = quantity.read ? quantity.read(r, i) : entry(r.under?.[algorithm]?.[quantity.part], i);
  return x === null ? null : quantity.scaled ? quantity.scaled(x) : x;
}

/**
 * The scale of a quantity over some trajectories: `level(x)` is the class of a token, `bounds` its ends.
 * The ends leave out the outermost hundredth, so that one outlier does not fade all others.
 */
function tokenScale(quantity, trajectories, algorithm) {
  const values = [];
  for (const r of trajectories)
    for (let i = 0; i < (r.tokens?.texts.length ?? 0); i++) {
      const x = scaledValue(quantity, r, algorithm, i);
      if (x !== null && Number.isFinite(x)) values.push(x);
    }
  const shown = quantity.shown ?? real;
  if (quantity.kind === "mask") return { values, shown, bounds: [0, 1], level: maskLevel };
  if (quantity.kind === "diverging") {
    const end = quantile(values.map(Math.abs), 0.99) || range(values.map(Math.abs))?.[1] || 1;
    const level = (x) => {
      if (x === null) return "none";
      if (!Number.isFinite(x)) return "broken";
      const step = Math.min(4, Math.ceil((Math.abs(x) / end) * 4 - 1e-9));
      return step === 0 ? "z" : `${x < 0 ? "n" : "p"}${step}`;
    };
    const clipped = values.some((x) => Math.abs(x) > end * 1.0001);
    return { values, shown, bounds: [-end, end], level, clipped };
  }
  const low = range(values) ? Math.min(...extremes(values)) : 0;
  const high = Math.max(quantile(values, 0.99) ?? 1, low + 1e-12);
  const level = (x) => {
    if (x === null) return "none";
    if (!Number.isFinite(x)) return "broken";
    return `q${Math.max(0, Math.min(8, Math.floor(((x - low) / (high - low)) * 9)))}`;
  };
  return { values, shown, bounds: [low, high], level, clipped: values.some((x) => x > high * 1.0001) };
}

function maskLevel(x) {
  if (x === null) return "none";
  if (!Number.isFinite(x)) return "broken";
  return x === 0 ? "masked" : x === 1 ? "kept" : "partly";
}

function extremes(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** The legend: the classes of the scale with the numbers at its ends. */
function scaleLegend(quantity, scale) {
  const swatch = (level, text) => h("span", { class: `swatch level-${level}` }, text ?? " ");
  if (quantity.kind === "mask")
    return h("div", { class: "legend" }, h("b", {}, quantity.title), swatch("kept", "kept, 1"),
      swatch("partly", "between"), swatch("masked", "masked, 0"), swatch("none", "no value"));
  const isDiverging = quantity.kind === "diverging";
  const levels = isDiverging ? ["n4", "n3", "n2", "n1", "z", "p1", "p2", "p3", "p4"]
    : Array.from({ length: 9 }, (_, i) => `q${i}`);
  const [low, high] = scale.bounds, beyond = scale.clipped;
  const middle = isDiverging ? 0 : (low + high) / 2;
  return h("div", { class: "legend" }, h("b", {}, quantity.title),
    h("span", { class: "end" }, `${beyond && isDiverging ? "≤ " : ""}${scale.shown(low)}`),
    h("span", { class: "ramp", "aria-hidden": "true" }, levels.map((l) => swatch(l))),
    h("span", { class: "end" }, `${beyond ? "≥ " : ""}${scale.shown(high)}`),
    h("span", { class: "middle" }, `middle ${scale.shown(middle)}`),
    quantity.note ? h("span", { class: "middle" }, quantity.note) : null);
}
