// Values that are mostly there at once: who awaits each of them pays for a turn of the microtask queue thousands of times a second.

/** A value, or a promise of it where it has to be waited for. */
export type Soon<T> = T | Promise<T>;

/** Goes on with the value: at once where it is there. */
export const whenThere = <T, R>(value: Soon<T>, goOn: (value: T) => Soon<R>): Soon<R> =>
  value instanceof Promise ? value.then(goOn) : goOn(value);
