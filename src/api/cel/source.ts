// Errors of a CEL expression with the place they are at, as cel-go prints them. Follows cel-go common/error.go and common/errors.go.

/** One thing wrong, at an offset in code points; -1 stands for no place. */
export interface Issue {
  offset: number;
  message: string;
}

/** Reports more than this are counted only. */
const maxReported = 100;
/** Longer lines are not shown. */
const maxSnippet = 16_384;

/** Gathers what is wrong with one expression. */
export class Issues {
  readonly #source: readonly string[];
  readonly #list: Issue[] = [];
  #count = 0;

  /** @param source the expression's code points */
  constructor(source: readonly string[]) {
    this.#source = source;
  }

  get any(): boolean {
    return this.#count > 0;
  }

  report(offset: number, message: string): void {
    this.#count++;
    if (this.#count <= maxReported) this.#list.push({ offset, message });
  }

  /** All of them in the order of their places, each with its line and a mark below it. */
  toString(): string {
    const placed = this.#list
      .map((issue) => ({ issue, ...this.#place(issue.offset) }))
      .toSorted((a, b) => a.line - b.line || a.column - b.column)
      .map(({ issue, line, column, text }) => display(issue.message, line, column, text));
    const more = this.#count - maxReported;
    return [...placed, ...(more > 0 ? [`${more} more errors were truncated`] : [])].join('\n');
  }

  /** Line from 1 and column from 0 of an offset, and the line's text. */
  #place(offset: number): { line: number; column: number; text: string[] | undefined } {
    if (offset < 0) return { line: -1, column: -1, text: undefined };
    if (this.#source.length === 0) return { line: 1, column: -1, text: undefined };
    let line = 1;
    let start = 0;
    for (let i = 0; i < offset && i < this.#source.length; i++)
      if (this.#source[i] === '\n') {
        line++;
        start = i + 1;
      }
    const end = this.#source.indexOf('\n', start);
    return { line, column: offset - start, text: this.#source.slice(start, end < 0 ? undefined : end) };
  }
}

const isWide = (character: string | undefined): boolean =>
  character !== undefined && (character.codePointAt(0) ?? 0) > 127;

function display(message: string, line: number, column: number, text: string[] | undefined): string {
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  if (text === undefined || text.length > maxSnippet) return head;
  const shown = text.map((character) => (character === '\t' ? ' ' : character));
  const dots = shown.slice(0, column).map((character) => (isWide(character) ? '\uff0e' : '.'));
  return `${head}\n | ${shown.join('')}\n | ${dots.join('')}${isWide(shown[column]) ? '\uff3e' : '^'}`;
}
