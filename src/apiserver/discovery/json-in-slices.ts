// Writes large JSON in pieces, with turns of the event loop between them.

import { nextTurn } from '../../lib/next-turn.ts';

/** About a millisecond of work. */
const sliceChars = 32 * 1024;
/** Objects deeper than this are written at one go. */
const depthOfSlices = 3;

/** What JSON.stringify gives for an object, without standing in the way of other work for long. */
export async function jsonInSlices(value: object): Promise<string> {
  let sinceTurn = 0;
  const write = async (part: unknown, depth: number): Promise<string | undefined> => {
    if (depth === 0 || typeof part !== 'object' || part === null || Array.isArray(part)) {
      const text: string | undefined = JSON.stringify(part);
      sinceTurn += text?.length ?? 0;
      if (sinceTurn > sliceChars) {
        sinceTurn = 0;
        await nextTurn();
      }
      return text;
    }
    const members: string[] = [];
    for (const [key, member] of Object.entries(part)) {
      const text = await write(member, depth - 1);
      if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`);
    }
    return `{${members.join(',')}}`;
  };
  return (await write(value, depthOfSlices)) ?? '{}';
}
