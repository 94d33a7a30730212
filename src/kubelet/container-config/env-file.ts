// Reads one variable out of a file of KEY='value' lines, as env valueFrom.fileKeyRef names it.
// Follows pkg/kubelet/util/env/env_util.go of v1.36: a strict part of the shell's syntax, values in single quotes only.

const invalid = (line: number, why: string): Error =>
  new Error(`invalid environment variable format at line ${line}: ${why}`);

/** The name before '=', and what follows; undefined for blank lines and comments. */
function assignment(text: string, line: number): { name: string; rest: string } | undefined {
  const trimmed = text.replace(/^[ \t]+/, '');
  if (trimmed === '' || trimmed.startsWith('#')) return undefined;
  const equals = trimmed.indexOf('=');
  if (equals < 0) throw invalid(line, "missing '='");
  const name = trimmed.slice(0, equals);
  if (name.trimEnd() === '') throw invalid(line, 'empty variable name');
  if (/[ \t]$/.test(name)) throw invalid(line, "whitespace before '=' is not allowed");
  return { name, rest: trimmed.slice(equals + 1) };
}

/**
 * The value of `key`, literally as between its quotes, which may span lines; empty where the file does not have it.
 * Throws on the first malformed line before it.
 */
export function envFileValue(content: string, key: string): string {
  const lines = content.split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  for (let i = 0; i < lines.length; i++) {
    const found = assignment(lines[i] ?? '', i + 1);
    if (!found) continue;
    // As in a shell, a space after '=' ends the value before it began.
    if (/^[ \t]/.test(found.rest) || found.rest === '') {
      if (found.rest === '') throw invalid(i + 1, 'value must be enclosed in single quotes');
      if (found.name === key) return '';
      continue;
    }
    if (!found.rest.startsWith("'")) throw invalid(i + 1, 'value must be enclosed in single quotes');
    const first = i;
    let text = found.rest.slice(1);
    while (!text.includes("'")) {
      i++;
      if (i >= lines.length) {
        throw new Error(`invalid environment variable format starting at line ${first + 1}: unclosed single quote`);
      }
      text += `\n${lines[i]}`;
    }
    const closing = text.indexOf("'");
    if (!/^[ \t]*(#|$)/.test(text.slice(closing + 1))) throw invalid(i + 1, 'unexpected content after closing quote');
    if (found.name === key) return text.slice(0, closing);
  }
  return '';
}
