// Gathers what sockets are given in one turn of the event loop: who reads several of the answers is woken once, not for each.

/** Something that holds its writes back between the two calls, as node's writable streams do. */
interface Corks {
  cork(): void;
  uncork(): void;
}

/** Gives a function that holds a socket's writes back until the I/O of this turn is done. */
export function turnWrites(): (socket: Corks) => void {
  let held: Corks[] = [];
  const release = (): void => {
    const sockets = held;
    held = [];
    for (const socket of sockets) socket.uncork();
  };
  return (socket) => {
    socket.cork();
    if (held.length === 0) setImmediate(release);
    held.push(socket);
  };
}
