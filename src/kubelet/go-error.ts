// Words an error of the machine as Go words it, for event messages that users compare with Kubernetes'.

const texts: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EEXIST: 'file exists',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ENOTEMPTY: 'directory not empty',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left on device',
  EBUSY: 'device or resource busy',
  ELOOP: 'too many levels of symbolic links',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
};

const textField = (error: Error, field: 'code' | 'syscall' | 'path'): string | undefined => {
  const value: unknown = Reflect.get(error, field);
  return typeof value === 'string' ? value : undefined;
};

/** `open /x: no such file or directory` for node's file errors, the message of any other error. */
export function goErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = texts[textField(error, 'code') ?? ''];
  const syscall = textField(error, 'syscall');
  const path = textField(error, 'path');
  return text && syscall && path ? `${syscall} ${path}: ${text}` : error.message;
}

/** True for an error of the machine with that code ('ENOENT', …). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && textField(error, 'code') === code;
}
