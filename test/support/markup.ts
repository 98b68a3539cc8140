import { expect } from 'vitest';

/** Expects a page or picture that shows without a network. */
export function expectSelfContained(text: string): void {
  const addresses = new Set(text.match(/https?:[^"' )<]*/g));
  expect([...addresses]).toEqual(['http://www.w3.org/2000/svg']);
  expect(text).not.toMatch(/<script|<link|<img|@import|url\((?!#)|\bsrc=|\bhref=/);
}

/** Expects tags that are closed in order, with attributes in quotes. */
export function expectWellFormed(xml: string): void {
  const open: string[] = [];
  for (const [, close, name, empty] of xml.matchAll(
    /<(\/?)([a-zA-Z]+)(?:\s[a-zA-Z-]+="[^"<]*")*\s*(\/?)>/g,
  )) {
    if (close) expect(open.pop()).toBe(name);
    else if (!empty) open.push(name!);
  }
  expect(open).toEqual([]);
  expect(xml.match(/</g)).toHaveLength([...xml.matchAll(/<\/?[a-zA-Z]+[^<>]*>/g)].length);
}
