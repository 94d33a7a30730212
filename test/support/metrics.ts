// Reads the text form of metrics strictly, as a scraper does: an unknown form is an error.

export interface ParsedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
  at?: number;
}

export interface ParsedMetrics {
  /** By family name. */
  types: Map<string, string>;
  samples: ParsedSample[];
  /** The samples of that name whose labels include these. */
  find(name: string, labels?: Record<string, string>): ParsedSample[];
}

const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$/;

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const [whole, name, value] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest) ?? [];
    if (whole === undefined || name === undefined || value === undefined) throw new Error(`bad labels: ${rest}`);
    if (name in labels) throw new Error(`label ${name} twice`);
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    rest = rest.slice(whole.length);
  }
  return labels;
}

/** Throws on what is no such text: a bad line, a sample before its TYPE, a family in two places, a series twice. */
export function parseMetrics(text: string): ParsedMetrics {
  const types = new Map<string, string>();
  const samples: ParsedSample[] = [];
  const series = new Set<string>();
  let family = '';
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('# HELP ')) continue;
    const [, named, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (named !== undefined && type !== undefined) {
      if (types.has(named)) throw new Error(`family ${named} twice`);
      types.set(named, type);
      family = named;
      continue;
    }
    const [, name, labelText = '', value, at] = sampleForm.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`bad line: ${line}`);
    const ofFamily =
      types.get(family) === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') === family : name === family;
    if (!ofFamily) throw new Error(`${name} stands in the family ${family}`);
    if (!Number.isFinite(Number(value)) && value !== '+Inf') throw new Error(`bad value: ${line}`);
    const key = `${name}{${labelText}}`;
    if (series.has(key)) throw new Error(`series twice: ${key}`);
    series.add(key);
    samples.push({
      name,
      labels: parseLabels(labelText),
      value: Number(value),
      ...(at === undefined ? {} : { at: Number(at) }),
    });
  }
  return {
    types,
    samples,
    find: (name, labels = {}) =>
      samples.filter(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      ),
  };
}
