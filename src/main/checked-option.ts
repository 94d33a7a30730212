// Runs the check of what an option says.

import { UserError } from './user-error.ts';

/** What the check gives; what it throws becomes a UserError that names the option. */
export async function checked<T>(option: string, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw new UserError(`--${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
