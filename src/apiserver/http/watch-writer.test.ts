import { expect, test, vi } from 'vitest';
import type { WatchOutput } from '../request.ts';
import type { Reply } from './reply.ts';
import { maxWaiting, watchWriter } from './watch-writer.ts';

/** A client that reads when it is told to. */
function client(options: { messages?: boolean; slow?: boolean } = {}) {
  const written: Buffer[] = [];
  let closed = false;
  let ended = false;
  let wake: () => void = () => {};
  const closers: (() => void)[] = [];
  const close = (): void => {
    closed = true;
    wake();
    for (const closer of closers.splice(0)) closer();
  };
  const reply: Reply = {
    messages: options.messages ?? false,
    get closed() {
      return closed;
    },
    head() {},
    write(bytes) {
      written.push(bytes);
      return options.slow !== true;
    },
    end() {
      ended = true;
    },
    destroy: close,
    taken: () => Promise.resolve(),
    drained: () => new Promise((resolve) => (wake = resolve)),
    onClose: (callback) => void closers.push(callback),
  };
  return {
    reply,
    written,
    read: () => wake(),
    listeners: () => closers.length,
    closed: () => closed,
    ended: () => ended,
  };
}

const output = (revision: number): WatchOutput => ({ kind: 'bookmark', revision, initialEventsEnd: false });
const sized =
  (bytes: number) =>
  (o: WatchOutput): Buffer =>
    Buffer.alloc(bytes, String(o.kind === 'bookmark' && o.revision));

test('what comes in one turn goes out in one write', async () => {
  const { reply, written } = client();
  const writer = watchWriter(reply, sized(2));
  for (const i of [1, 2, 3]) writer.push(output(i));
  expect(written).toEqual([]);
  await writer.drained();
  expect(written.map(String)).toEqual(['112233']);
});

test('messages stay alone', async () => {
  const { reply, written } = client({ messages: true });
  const writer = watchWriter(reply, sized(2));
  for (const i of [1, 2, 3]) writer.push(output(i));
  await writer.drained();
  expect(written.map(String)).toEqual(['11', '22', '33']);
});

test('a client that does not read is cut off once more bytes than the bound wait for it, whatever their number', async () => {
  const slow = client({ slow: true });
  const writer = watchWriter(slow.reply, sized(1024 * 1024));
  writer.push(output(1));
  await vi.waitFor(() => expect(slow.written.length).toBe(1));
  let taken = 0;
  while (writer.push(output(2))) taken++;
  expect(taken).toBe(maxWaiting / 1024 / 1024);
  expect(slow.closed()).toBe(true);
  expect(writer.push(output(3))).toBe(false);
  // Whoever waits is let go too.
  await writer.drained();
});

test('a slow client gets everything in order, a piece at a time', async () => {
  const slow = client({ slow: true });
  const writer = watchWriter(slow.reply, sized(100 * 1024));
  for (let i = 0; i < 10; i++) writer.push(output(i));
  writer.end();
  const drained = writer.drained();
  await vi.waitFor(() => {
    slow.read();
    expect(slow.ended()).toBe(true);
  });
  await drained;
  expect(slow.written.length).toBe(4);
  const digits = Buffer.concat(slow.written)
    .toString()
    .replace(/(\d)\1*/g, '$1');
  expect(digits).toBe('0123456789');
});

test('waiting often leaves no listeners behind', async () => {
  const { reply, listeners } = client();
  const writer = watchWriter(reply, sized(1));
  for (let i = 0; i < 20; i++) {
    writer.push(output(1));
    await writer.drained();
  }
  expect(listeners()).toBe(1);
});
