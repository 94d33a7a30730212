import { expect, it } from 'vitest';
import { warningHeaders } from './encode.ts';

it('gives each warning once', () => {
  expect(warningHeaders(['say "a"', 'b', 'b'])).toEqual(['299 - "say \\"a\\""', '299 - "b"']);
});

it('keeps a long warning whole while all fit', () => {
  expect(warningHeaders(['x'.repeat(4096)])[0]).toHaveLength(4096 + '299 - ""'.length);
});

it('cuts long ones, then leaves out the rest, where there are too many', () => {
  const headers = warningHeaders(Array.from({ length: 10_000 }, (_, i) => `${i} ${'x'.repeat(300)}`));
  expect(headers).toHaveLength(16);
  for (const header of headers) expect(header).toHaveLength(256 + '299 - ""'.length);
  // A character outside the basic plane is never cut in two.
  expect(warningHeaders([`${'x'.repeat(255)}${'😀'.repeat(3000)}`])[0]).toContain(Buffer.from('😀').toString('latin1'));
});
