// Spreads requests that came together over turns of the event loop, so that timers, probes and watches get theirs between them.

/** ms of a turn that requests may take before those behind them wait for the next. */
const sliceMs = 3;

/**
 * Asks for a place in this turn: undefined when there is one, else a promise of one in a later turn, in the order of asking. A request
 * does most of its work as soon as it is let in, so the time since the first one was let in is what they have taken. `now` is in ms.
 */
export function requestTurns(now: () => number = () => performance.now()): () => Promise<void> | undefined {
  let began: number | undefined;
  let waiting = 0;
  const endTurn = (): void => {
    began = undefined;
  };
  const mayEnter = (): boolean => {
    if (began !== undefined) return now() - began < sliceMs;
    began = now();
    setImmediate(endTurn);
    return true;
  };
  return () => {
    if (waiting === 0 && mayEnter()) return undefined;
    waiting++;
    return new Promise((resolve) => {
      // Each has a callback of its own, for what it does is done before the next callback looks at the clock.
      const ask = (): void => {
        if (!mayEnter()) {
          setImmediate(ask);
          return;
        }
        waiting--;
        resolve();
      };
      // The first call still comes in this turn, whose time is up.
      setImmediate(() => setImmediate(ask));
    });
  };
}
