import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCapture } from './read-capture.js';

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const manifest = `${corpus}manifest.json`;
const present = existsSync(manifest);

interface TraceInfo {
  readonly packets?: number;
}

interface CorpusEntry {
  readonly trace?: string;
  readonly trace_info?: TraceInfo;
  readonly traces?: readonly string[];
  readonly trace_infos?: readonly TraceInfo[];
}

/** Every capture of the manifest with the packets that another reader counted in it. */
function captures(): { path: string; packets: number | undefined }[] {
  const { entries } = JSON.parse(readFileSync(manifest, 'utf8')) as { entries: CorpusEntry[] };
  const counts = new Map<string, number | undefined>();
  for (const { trace, trace_info, traces = [], trace_infos = [] } of entries) {
    if (trace !== undefined) counts.set(trace, trace_info?.packets);
    for (const [i, path] of traces.entries()) counts.set(path, trace_infos[i]?.packets);
  }
  return [...counts].map(([path, packets]) => ({ path, packets }));
}

describe.skipIf(!present)(`captures of the corpus${present ? '' : ' (skipped: ../shared/corpus is absent)'}`, () => {
  it.each(present ? captures() : [])('$path is read to its end, packet for packet', async ({ path, packets }) => {
    const content = await readCapture(`${corpus}${path}`);
    // Some end inside a packet; none is broken otherwise.
    expect(content.warnings.filter((warning) => warning.code !== 'CAPTURE_TRUNCATED')).toEqual([]);
    if (packets !== undefined) expect(content.packets).toHaveLength(packets);
  });
});
