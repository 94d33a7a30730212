// What is probed: so many HTTP servers on the loopback interface, in a process of their own. Prints their ports as JSON, and ends with its stdin.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const count = Number(process.argv[2]);
const ports = await Promise.all(
  Array.from(
    { length: count },
    () =>
      new Promise<number>((resolve) => {
        const server = createServer((_, response) => response.end('ok'));
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      }),
  ),
);
console.log(JSON.stringify(ports));
process.stdin.resume().on('end', () => process.exit());
