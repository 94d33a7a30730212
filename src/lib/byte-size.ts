// Amounts of bytes as people read them.

const mebi = 1024 ** 2;
const gibi = 1024 ** 3;

/** Binary units with one digit: 26.4 GiB, 0.3 MiB. */
export const byteSize = (bytes: number): string =>
  bytes >= gibi ? `${(bytes / gibi).toFixed(1)} GiB` : `${(bytes / mebi).toFixed(1)} MiB`;
