// What checks of a value found, as the errors they make.
// Follows kube-openapi pkg/validation/validate/result.go of v1.36.
import { type FieldError, type FieldPath, invalid } from '../meta/errors.ts';

/** One thing found: the text that tells it from others, and the error that it makes. */
export interface Finding {
  text: string;
  /** Path below the value; undefined for what belongs to the whole. */
  name: string | undefined;
  make(path: FieldPath): FieldError;
}

/** What was found, and how many checks were passed on the way: the schema of a junctor that got furthest tells its errors. */
export class Findings {
  readonly all: Finding[] = [];
  matched = 0;

  add(...found: readonly Finding[]): void {
    for (const one of found) if (!this.all.some(({ text }) => text === one.text)) this.all.push(one);
  }

  merge(other: Findings | undefined): void {
    if (other === undefined) return;
    this.add(...other.all);
    this.matched += other.matched;
  }

  get valid(): boolean {
    return this.all.length === 0;
  }
}

/** A finding with an error of its own. */
export const find = (text: string, name: string | undefined, make: Finding['make']): Finding => ({ text, name, make });

/** An error of the whole, which has no path. */
export const wholeFinding = (text: string): Finding => find(text, undefined, (path) => invalid(path, '', text));

/** An Invalid error of one field. */
export const fieldFinding = (name: string, value: unknown, text: string): Finding =>
  find(text, name, (path) => invalid(path, value ?? '', text));

/** Whether Go would have read the number as an int64. */
export const isInt64 = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 2 ** 63;
