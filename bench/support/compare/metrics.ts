// Holds what two servers count side by side: of the families that Peapod has too, type, stability and labels.
import type { Difference } from './difference.ts';

interface Family {
  type: string;
  /** [STABLE] and the like, with which the help begins. */
  stability: string;
  labels: ReadonlySet<string>;
}

/** The families of a text of /metrics that have series. */
function families(text: string): Map<string, Family> {
  const found = new Map<string, { type: string; stability: string; labels: Set<string> }>();
  let name = '';
  for (const line of text.split('\n')) {
    const [, what, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (what === 'HELP') {
      name = of;
      found.set(name, { type: '', stability: /^\[\w+\]/.exec(rest)?.[0] ?? '', labels: new Set() });
    } else if (what === 'TYPE') found.set(of, { stability: '', labels: new Set(), ...found.get(of), type: rest });
    else for (const [, label = ''] of line.matchAll(/[{,](\w+)="/g)) found.get(name)?.labels.add(label);
  }
  return found;
}

const shown = ({ type, stability, labels }: Family): string => `${stability} ${type} {${[...labels].sort().join()}}`;

/** Families that only one of them has are a difference where that is Peapod. */
export function compareMetrics(real: string, peapod: string): [number, Difference[]] {
  const theirs = families(real);
  const found: Difference[] = [];
  let same = 0;
  for (const [name, family] of families(peapod)) {
    const [their, our] = [theirs.get(name), shown(family)];
    const told = their === undefined ? 'nothing' : shown(their);
    if (told === our) same++;
    else found.push({ what: `/metrics ${name}`, real: told, peapod: our, fields: [] });
  }
  return [same, found];
}
