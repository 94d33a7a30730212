// Which listings of a table show that nobody uses it.
import { expect, test } from 'vitest';
import { holdsNoRule } from './nat-tables.ts';

const empty = `table ip nat {
\tchain POSTROUTING {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t}
}
`;

test.each([
  [empty, true],
  ['table ip6 nat {\n}\n', true],
  [empty.replace('policy accept;', 'policy accept;\n\t\tip saddr 10.0.0.0/8 masquerade'), false],
  [empty.replace('table ip nat {', 'table ip nat {\n\tset s {\n\t\ttype ipv4_addr\n\t}'), false],
])('%j holds no rule: %s', (listing, expected) => {
  expect(holdsNoRule(listing)).toBe(expected);
});
