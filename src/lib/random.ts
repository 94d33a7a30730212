// Randomness as a parameter, and the random names that Kubernetes derives from it.

/** A source of randomness: cryptographic in production (host/), seeded in simulation (sim/). */
export interface Random {
  /** A float in [0, 1). */
  float(): number;
  /** A version 4 UUID in lower case. */
  uuid(): string;
}

// Upstream leaves out vowels and look-alike digits (apimachinery util/rand), so that names never spell words.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A suffix of `length` characters as generateName and pod names use it. */
export function randomSuffix(random: Random, length = 5): string {
  let suffix = '';
  for (let i = 0; i < length; i++) suffix += alphabet[Math.floor(random.float() * alphabet.length)];
  return suffix;
}
