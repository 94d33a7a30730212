// Bodies with Transfer-Encoding: chunked, as Go's servers send what is longer than their buffers.

/** Takes a body piece by piece; gives how many bytes of content a piece had, and whether the body has ended with it. */
export function chunkedBody(): (piece: Buffer) => { content: number; ended: boolean } {
  let size = '';
  /** Bytes of the chunk that are still to come, with the line end behind it; undefined while its size is being read. */
  let left: number | undefined;
  let last = false;
  return (piece) => {
    let content = 0;
    let at = 0;
    while (at < piece.length) {
      if (left === undefined) {
        const end = piece.indexOf(10, at);
        size += piece.toString('latin1', at, end < 0 ? piece.length : end);
        if (end < 0) break;
        at = end + 1;
        const length = Number.parseInt(size, 16);
        size = '';
        last = length === 0;
        left = length + 2;
      } else {
        const taken = Math.min(left, piece.length - at);
        content += Math.max(0, Math.min(taken, left - 2));
        at += taken;
        left -= taken;
        if (left > 0) break;
        left = undefined;
        if (last) return { content, ended: true };
      }
    }
    return { content, ended: false };
  };
}
