// How a Peapod in the background and the command that started it understand each other.

/** Set for the process in the background; it then says its lines on descriptor 3. */
export const detachedVariable = 'PEAPOD_DETACHED';

/** The line by which it says that nobody needs to wait any longer. */
export const readyMark = '\u0004ready';
