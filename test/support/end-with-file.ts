// Runs beside every test file of real servers and containers: after its own hooks, whatever it started is ended.
import { afterAll } from 'vitest';
import { endWithFile } from './in-file.ts';

// Something that is just starting must be waited for first.
afterAll(endWithFile, 600_000);
