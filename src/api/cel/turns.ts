// How evaluations take turns with the rest of the event loop, so that none holds it for long.

import { nextTurn } from '../../lib/next-turn.ts';

/** What may be spent in one turn: two to three milliseconds of plain work. The ordinary expression never gets there. */
const costOfTurn = 20_000;

/** Thrown through an evaluation that is to go on in the next turn. */
export const turnOver = new Error('to be continued in the next turn of the event loop');

/** The turns of one request: what its expressions may still spend in this one, in units of cost. */
export class Turns {
  left: number;
  readonly #signal: (() => AbortSignal) | undefined;
  readonly #perTurn: number;
  #awaited: Promise<void> | undefined;

  /** `signal` aborts where nobody waits for the result any more; it is asked for only once a turn was not enough. */
  constructor(signal?: () => AbortSignal, perTurn = costOfTurn) {
    this.left = perTurn;
    this.#signal = signal;
    this.#perTurn = perTurn;
  }

  /** For work that is done at one go. */
  static endless = (): Turns => new Turns(undefined, Number.POSITIVE_INFINITY);

  /** The next turn comes only after that, which must not reject. Who calls it ends this turn by throwing `turnOver`. */
  after(awaited: Promise<void>): void {
    this.#awaited = awaited;
  }

  /** Lets the event loop turn. Throws the signal's reason once it has aborted. */
  async next(): Promise<void> {
    await (this.#awaited ?? nextTurn());
    this.#awaited = undefined;
    this.#signal?.().throwIfAborted();
    this.left = this.#perTurn;
  }
}

/** Calls `proceed` until it gives something, a turn for each call; at once where the first is enough. */
export function inTurns<T>(turns: Turns, proceed: () => T | undefined): T | Promise<T> {
  const made = proceed();
  return made === undefined ? later(turns, proceed) : made;
}

async function later<T>(turns: Turns, proceed: () => T | undefined): Promise<T> {
  for (;;) {
    await turns.next();
    const made = proceed();
    if (made !== undefined) return made;
  }
}
