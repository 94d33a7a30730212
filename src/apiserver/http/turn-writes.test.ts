import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { nextTurn } from '../../lib/next-turn.ts';
import { turnWrites } from './turn-writes.ts';

/** A socket that notes what goes out together. */
const socketOf = (out: string[]): Writable =>
  new Writable({
    write(chunk, _encoding, done) {
      out.push(String(chunk));
      done();
    },
    writev(chunks, done) {
      out.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });

test('what several sockets are given in a turn goes out at its end', async () => {
  const hold = turnWrites();
  const out: string[] = [];
  const [a, b] = [socketOf(out), socketOf(out)];
  hold(a);
  a.write('a1 ');
  hold(b);
  b.write('b1 ');
  hold(a);
  a.write('a2 ');
  expect(out).toEqual([]);
  await nextTurn();
  expect(out).toEqual(['b1 ', 'a1 a2 ']);
  hold(a);
  a.write('a3');
  await nextTurn();
  expect(out.at(-1)).toBe('a3');
});

test('a socket that is gone by then harms no other', async () => {
  const hold = turnWrites();
  const out: string[] = [];
  const [gone, other] = [socketOf(out), socketOf(out)];
  for (const socket of [gone, other]) {
    hold(socket);
    socket.write('x');
  }
  gone.destroy();
  await nextTurn();
  expect(out).toEqual(['x']);
});
