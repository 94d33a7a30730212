// A unified difference of two texts, as Python's difflib gives it: messages about refused updates show one.

interface Match {
  a: number;
  b: number;
  size: number;
}

/** Where each line of b occurs; in long texts lines that occur very often are no starting points. */
function indexLines(b: readonly string[]): Map<string, number[]> {
  const index = new Map<string, number[]>();
  b.forEach((line, i) => {
    const at = index.get(line);
    if (at) at.push(i);
    else index.set(line, [i]);
  });
  if (b.length < 200) return index;
  const limit = Math.trunc(b.length / 100) + 1;
  for (const [line, at] of index) if (at.length > limit) index.delete(line);
  return index;
}

class Matcher {
  private readonly a: readonly string[];
  private readonly b: readonly string[];
  private readonly index: Map<string, number[]>;

  constructor(a: readonly string[], b: readonly string[]) {
    this.a = a;
    this.b = b;
    this.index = indexLines(b);
  }

  /** The longest run of equal lines in these ranges, the first one when several are as long. */
  private longest(aLow: number, aHigh: number, bLow: number, bHigh: number): Match {
    let best: Match = { a: aLow, b: bLow, size: 0 };
    let lengths = new Map<number, number>();
    for (let i = aLow; i < aHigh; i++) {
      const next = new Map<number, number>();
      for (const j of this.index.get(this.a[i] ?? '') ?? []) {
        if (j < bLow || j >= bHigh) continue;
        const size = (lengths.get(j - 1) ?? 0) + 1;
        next.set(j, size);
        if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size };
      }
      lengths = next;
    }
    let { a, b, size } = best;
    while (a > aLow && b > bLow && this.a[a - 1] === this.b[b - 1]) {
      a--;
      b--;
      size++;
    }
    while (a + size < aHigh && b + size < bHigh && this.a[a + size] === this.b[b + size]) size++;
    return { a, b, size };
  }

  /** Every run of equal lines, in order, with an empty one at the end. */
  matches(): Match[] {
    const found: Match[] = [];
    const visit = (aLow: number, aHigh: number, bLow: number, bHigh: number): void => {
      const match = this.longest(aLow, aHigh, bLow, bHigh);
      if (match.size === 0) return;
      if (aLow < match.a && bLow < match.b) visit(aLow, match.a, bLow, match.b);
      found.push(match);
      const [a, b] = [match.a + match.size, match.b + match.size];
      if (a < aHigh && b < bHigh) visit(a, aHigh, b, bHigh);
    };
    visit(0, this.a.length, 0, this.b.length);
    found.push({ a: this.a.length, b: this.b.length, size: 0 });
    return found;
  }
}

interface Change {
  equal: boolean;
  a: [number, number];
  b: [number, number];
}

function changesOf(matches: readonly Match[]): Change[] {
  const changes: Change[] = [];
  let [a, b] = [0, 0];
  for (const match of matches) {
    if (a < match.a || b < match.b) changes.push({ equal: false, a: [a, match.a], b: [b, match.b] });
    [a, b] = [match.a + match.size, match.b + match.size];
    if (match.size) changes.push({ equal: true, a: [match.a, a], b: [match.b, b] });
  }
  return changes;
}

/** Changes with `context` equal lines around them, split where more than twice as many lie between. */
function groupsOf(changes: readonly Change[], context: number): Change[][] {
  const groups: Change[][] = [];
  let group: Change[] = [];
  changes.forEach((change, i) => {
    if (!change.equal) {
      group.push(change);
      return;
    }
    const [aLow, aHigh] = change.a;
    const [bLow, bHigh] = change.b;
    const [first, last] = [i === 0, i === changes.length - 1];
    const long = aHigh - aLow > 2 * context;
    const head: Change = {
      equal: true,
      a: [aLow, Math.min(aHigh, aLow + context)],
      b: [bLow, Math.min(bHigh, bLow + context)],
    };
    const tail: Change = {
      equal: true,
      a: [Math.max(aLow, aHigh - context), aHigh],
      b: [Math.max(bLow, bHigh - context), bHigh],
    };
    if (first) group.push(tail);
    else if (last) group.push(head);
    else if (long) {
      groups.push([...group, head]);
      group = [tail];
    } else group.push(change);
  });
  if (group.some((change) => !change.equal)) groups.push(group);
  return groups;
}

function rangeText(low: number, high: number): string {
  const length = high - low;
  if (length === 1) return String(low + 1);
  return `${length === 0 ? low : low + 1},${length}`;
}

/** The hunks that turn `before` into `after`, with three lines of context and no file names; empty when they are equal. */
export function unifiedDiff(before: string, after: string): string {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const groups = groupsOf(changesOf(new Matcher(a, b).matches()), 3);
  let text = '';
  for (const group of groups) {
    const [first, last] = [group[0], group[group.length - 1]];
    if (!first || !last) continue;
    text += `@@ -${rangeText(first.a[0], last.a[1])} +${rangeText(first.b[0], last.b[1])} @@\n`;
    for (const change of group) {
      if (change.equal) for (const line of a.slice(...change.a)) text += ` ${line}\n`;
      else {
        for (const line of a.slice(...change.a)) text += `-${line}\n`;
        for (const line of b.slice(...change.b)) text += `+${line}\n`;
      }
    }
  }
  return text;
}
