// How the short names of images are completed.
import { expect, test } from 'vitest';
import { fullName } from './image-command.ts';

test.each([
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.14.2', 'docker.io/library/nginx:1.14.2'],
  ['geektime/sample:v2', 'docker.io/geektime/sample:v2'],
  ['k8s.gcr.io/busybox', 'k8s.gcr.io/busybox:latest'],
  ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
  ['localhost/a:1', 'localhost/a:1'],
  [`nginx@sha256:${'0'.repeat(64)}`, `docker.io/library/nginx@sha256:${'0'.repeat(64)}`],
])('%s is %s', (short, full) => {
  expect(fullName(short)).toBe(full);
});
