// A test file whose hook takes too long: in-file.test.ts looks at what becomes of the things that it starts.
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, test } from 'vitest';
import { startedInFile } from '../in-file.ts';

const say = (what: string): void => appendFileSync(process.env['SAID'] ?? '', `${what}\n`);
const afterHook = Promise.withResolvers<void>();
let thing: string | undefined;

beforeAll(async () => {
  thing = await startedInFile(
    async () => {
      await afterHook.promise;
      say('it starts');
      return 'a thing';
    },
    () => say('it ends'),
  );
}, 50);
afterAll(() => {
  say(`${thing ?? 'nothing'} to end for the hook of the file`);
  afterHook.resolve();
});

test('nothing', () => {});
