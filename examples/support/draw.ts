import type { Tensor } from 'gradlet';

const SHADES = ' ░▒▓█';
const SIDE = 8;

/** 8 × 8 images with pixels from 0 to 1 side by side in block characters, each with a caption below. */
export function drawImages(images: readonly { pixels: Tensor; caption: string }[]): string {
  const width = 2 * SIDE;
  const columns = images.map(({ pixels, caption }) => {
    const rows = pixels.reshape([SIDE, SIDE]).toArray() as number[][];
    const shade = (p: number) =>
      SHADES[Math.min(SHADES.length - 1, Math.round(p * (SHADES.length - 1)))]!.repeat(2);
    return [...rows.map((row) => row.map(shade).join('')), caption.padEnd(width)];
  });
  return Array.from({ length: SIDE + 1 }, (_, i) =>
    `  ${columns.map((lines) => lines[i]).join('   ')}`.trimEnd(),
  ).join('\n');
}
