// The peer of the probing kubelet: the same connections and requests at the same rate, and nothing else. Prints its figures.
import { connect } from 'node:net';
import { measure, type ProbeCount } from './measure.ts';

const host = '127.0.0.1';
const ports = JSON.parse(process.argv[2] ?? '[]') as number[];
const count: ProbeCount = { probes: 0, failures: 0 };
const done = (): void => void count.probes++;
const failed = (): void => void count.failures++;

function tcp(port: number): void {
  const socket = connect({ host, port });
  socket.on('connect', () => (socket.destroy(), done()));
  socket.on('error', failed);
}

function http(port: number): void {
  const socket = connect({ host, port });
  socket.on('connect', () => socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
  socket.on('data', () => {});
  socket.on('end', () => (socket.destroy(), done()));
  socket.on('error', failed);
}

const started = performance.now();
let sent = 0;
setInterval(() => {
  const due = ((performance.now() - started) / 1000) * ports.length * 3;
  for (; sent < due; sent++) (sent % 3 === 0 ? tcp : http)(ports[sent % ports.length] ?? 0);
}, 1);
console.log(JSON.stringify(await measure(count)));
process.exit();
