// What a benchmark gives: figures, each beside a limit or a peer that was measured in the same run.

export interface Figure {
  figure: string;
  value: number;
  /** ms, MB, pods/s … */
  unit: string;
  /** What the value is held against: `raw CRI calls`, `bare Node process`. */
  limit: string;
  /** The limit's own value, in the same unit. */
  limitValue: number;
  /** What is aimed at: of the value itself (`<= 120 MB`) or of the ratio to the limit (`ratio <= 1.1`). */
  budget: { of: 'value' | 'ratio'; atMost?: number; atLeast?: number };
}

export interface Bench {
  name: string;
  /** One line for --help. */
  about: string;
  /** Why it cannot run here, or undefined. */
  unavailable?(): string | undefined;
  run(say: (line: string) => void): Promise<Figure[]>;
}

/** One line of `--json`. */
export interface FigureLine {
  bench: string;
  figure: string;
  value: number;
  unit: string;
  limit: string;
  limitValue: number;
  ratio: number;
  budget: string;
  within: boolean;
}

const round = (value: number): number => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

/** Judges a figure: ratio = value / limitValue; `within` says whether the budget holds. */
export function lineOf(bench: string, f: Figure): FigureLine {
  const ratio = f.value / f.limitValue;
  const judged = f.budget.of === 'value' ? f.value : ratio;
  const { atMost, atLeast } = f.budget;
  const bounds = [
    ...(atMost === undefined ? [] : [`<= ${atMost}`]),
    ...(atLeast === undefined ? [] : [`>= ${atLeast}`]),
  ].join(' and ');
  return {
    bench,
    figure: f.figure,
    value: round(f.value),
    unit: f.unit,
    limit: f.limit,
    limitValue: round(f.limitValue),
    ratio: Number(ratio.toFixed(3)),
    budget: f.budget.of === 'value' ? `${bounds} ${f.unit}` : `ratio ${bounds}`,
    within: (atMost === undefined || judged <= atMost) && (atLeast === undefined || judged >= atLeast),
  };
}

/** The middle of some measurements (the mean of the two middle ones for an even number). */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}
