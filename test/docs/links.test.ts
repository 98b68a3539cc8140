import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, root } from './blocks.ts';

/** A page without its code, where brackets mean something else. */
const prose = (page: string): string =>
  readFileSync(join(root, page), 'utf8')
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '');

/** Anchors of a page's headings, as GitHub and TypeDoc make them. */
function anchorsOf(page: string): Set<string> {
  const headings = readFileSync(join(root, page), 'utf8')
    .replace(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#+ +(.+)$/gm);
  return new Set(
    [...headings].map(([, title]) =>
      title!
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

function brokenLinks(page: string): string[] {
  const links = prose(page).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)|\b(?:src|href)="([^"]+)"/g);
  return [...links]
    .map(([, markdown, html]) => markdown ?? html!)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path ? normalize(join(dirname(page), path)) : page;
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor);
    });
}

/** In a table, the bar of `{@link nn.Linear | Linear}` ends the cell; `{@link nn.Linear Linear}` says the same. */
const linksWithBarsInTables = (page: string): string[] =>
  prose(page).match(/^\|.*\{@link [^}]*\|.*$/gm) ?? [];

describe('links inside the repository lead somewhere', () => {
  it.each(pages)('%s', (page) => {
    expect(brokenLinks(page)).toEqual([]);
    expect(linksWithBarsInTables(page)).toEqual([]);
  });
});
