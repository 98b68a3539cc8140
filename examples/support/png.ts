import { crc32, deflateSync } from 'node:zlib';

/** The bytes of a pixel: red, green, blue and opacity. */
type Color = readonly number[];

interface Counted {
  readonly color: Color;
  readonly count: number;
}

/**
 * A picture as a PNG of at most `limit` colours (up to 256), a third of the size of one with all colours.
 *
 * The colours are found by median cut: the box of colours with the most pixels times its longest side is cut in two where
 * half of its pixels are on either side, until there are as many boxes as colours.
 *
 * @param rgba - four bytes per pixel, row by row
 */
export function indexedPng(width: number, height: number, rgba: Uint8Array, limit = 96): Buffer {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const counted = [...counts].map(([pixel, count]) => ({ color: bytesOf(pixel), count }));
  const palette = medianCut(counted, limit);
  const indices = new Map([...counts.keys()].map((pixel) => [pixel, nearest(palette, bytesOf(pixel))]));

  const rows = Buffer.alloc(height * (width + 1)); // each begins with a 0: no filter
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indices.get(pixels[y * width + x]!)!;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // 8 bits per pixel, which are indices
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap((color) => color.slice(0, 3)))),
    chunk('tRNS', Buffer.from(palette.map((color) => color[3]!))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const bytesOf = (pixel: number): Color => [0, 8, 16, 24].map((shift) => (pixel >>> shift) & 255);

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

function medianCut(colors: Counted[], limit: number): Color[] {
  const boxes = [boxOf(colors)];
  while (boxes.length < limit) {
    boxes.sort((a, b) => b.weight - a.weight);
    const { channel, members, weight } = boxes[0]!;
    if (weight === 0) break; // one colour per box
    members.sort((a, b) => a.color[channel]! - b.color[channel]!);
    const half = totalOf(members) / 2;
    let before = members[0]!.count;
    let cut = 1;
    while (cut < members.length - 1 && before + members[cut]!.count <= half) before += members[cut++]!.count;
    boxes.splice(0, 1, boxOf(members.slice(0, cut)), boxOf(members.slice(cut)));
  }
  return boxes.map(({ members }) => {
    const total = totalOf(members);
    return [0, 1, 2, 3].map((c) =>
      Math.round(members.reduce((sum, { color, count }) => sum + color[c]! * count, 0) / total),
    );
  });
}

const totalOf = (members: readonly Counted[]): number => members.reduce((sum, { count }) => sum + count, 0);

function boxOf(members: Counted[]) {
  const sides = [0, 1, 2, 3].map((c) => {
    const values = members.map(({ color }) => color[c]!);
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  });
  const side = Math.max(...sides);
  return { members, channel: sides.indexOf(side), weight: side * Math.sqrt(totalOf(members)) };
}

function nearest(palette: readonly Color[], color: Color): number {
  let best = 0;
  let least = Infinity;
  for (const [i, known] of palette.entries()) {
    const distance = known.reduce((sum, byte, c) => sum + (byte - color[c]!) ** 2, 0);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
