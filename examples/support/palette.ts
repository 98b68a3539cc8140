/**
 * Colours for light and dark paper, in the spirit of Okabe and Ito (https://jfly.uni-koeln.de/color/). Chosen by a search
 * so that any two of the first five are far apart (OKLab distance ≥ 0.1) for full colour vision, protanopia, deuteranopia
 * and tritanopia alike, with a contrast of at least 3 : 1 to the paper. From the ninth curve on they return, dashed.
 */
const LIGHT = ['#052b81', '#cc7f37', '#35a087', '#8a6bba', '#823d08', '#2a2223', '#2555c0', '#b83068'];
const DARK = ['#4c73f2', '#dc490f', '#60c296', '#bc97f1', '#f9f547', '#917a80', '#72e7fd', '#f99221'];
const DASHES = ['none', '6 3', '2 3', '8 3 2 3'];

export const colorOf = (curve: number): string => `var(--curve-${curve % LIGHT.length})`;
export const dashOf = (curve: number): string => DASHES[Math.floor(curve / LIGHT.length) % DASHES.length]!;

const variables = (colors: readonly string[]) =>
  colors.map((color, i) => `--curve-${i}: ${color};`).join(' ');

const light = `--paper: #ffffff; --height: #2f5f9e; --ink: #1f2328; --muted: #59636e; --line: #d8dee4; ${variables(LIGHT)}`;
const dark = `--paper: #0d1117; --height: #8fb4ea; --ink: #f0f6fc; --muted: #9198a1; --line: #30363d; ${variables(DARK)}`;

/** CSS for pictures and pages with charts. */
export const CHART_STYLE = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
svg { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; font-size: 12px; color: var(--ink); }
svg text { fill: currentColor; }
svg .muted, svg [aria-label$='tick label'], svg [aria-label$='axis label'] { color: var(--muted); }
svg [aria-label$='grid'] { stroke: var(--line); stroke-opacity: 1; }
svg [aria-label='x-axis tick'] { stroke: var(--line); }
svg .curve { stroke-linejoin: round; stroke-linecap: round; }
svg .faint { opacity: 0.2; }
`;
